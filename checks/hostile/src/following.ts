import {
  isStoreError,
  type ConfigStore,
  type KeyValue,
  type Watch,
  type WatchBatch,
  type WatchEvent,
} from '@holdfast/store';
import { eventually } from '@holdfast/testkit';
import { BACK } from './back.js';
import { wrongEntry, wrongRevision, type Wrong } from './possible.js';
import type { Truth } from './truth.js';

interface Told {
  readonly batch: WatchBatch;
  /** How many events came with it and before it. */
  readonly events: number;
}

/** A watch of all that the truth changes, or of one key of it, and everything that it told. */
export class Following {
  readonly #watch: Watch;
  readonly #prefix: string;
  readonly #truth: Truth;
  readonly #key: string | undefined;
  readonly #from: number;
  readonly #events: WatchEvent[] = [];
  readonly #batches: Told[] = [];
  #error: unknown;

  static async begin(store: ConfigStore, prefix: string, truth: Truth, key?: string): Promise<Following> {
    const range = key === undefined ? { prefix } : { key: prefix + key };
    const watch = store.watch(range, { previous: true });
    const { revision } = await watch.ready;
    return new Following(watch, prefix, truth, key, revision);
  }

  private constructor(watch: Watch, prefix: string, truth: Truth, key: string | undefined, from: number) {
    this.#watch = watch;
    this.#prefix = prefix;
    this.#truth = truth;
    this.#key = key;
    this.#from = from;
    this.#read().catch((error: unknown) => (this.#error = error));
  }

  close(): Promise<void> {
    return this.#watch.close();
  }

  /** Waits until it has told everything, or ended because its history is gone; gives what is wrong. */
  async judge(mayEnd: boolean): Promise<readonly string[]> {
    const wanted = this.#truth.changesAfter(this.#from, this.#key);
    const found: Wrong[] = [];
    const isOver = (): boolean => this.#error !== undefined || this.#events.length >= wanted.length;
    await eventually(isOver, BACK).catch(() => undefined);
    const told = this.#events.map(({ revision }) => revision);
    const error = this.#error;
    const isWhole = error === undefined ? told.length === wanted.length : told.length <= wanted.length;
    if (!isWhole || told.some((revision, i) => revision !== wanted[i]))
      found.push(`the watch told ${told.join(', ')}, and not ${wanted.join(', ')}`);
    const isGone = isStoreError(error, 'compacted') || isStoreError(error, 'history-changed');
    if (error !== undefined && !isGone && !(mayEnd && isStoreError(error, 'internal')))
      found.push(`the watch ended: ${String(error)}`);
    found.push(...this.#events.map((event) => this.#wrongEvent(event)));
    found.push(...this.#batches.map((batch, i) => wrongBatch(batch, this.#batches[i - 1], wanted)));
    return found.filter((wrong) => wrong !== undefined);
  }

  async #read(): Promise<void> {
    for await (const batch of this.#watch) {
      this.#events.push(...batch.events);
      this.#batches.push({ batch, events: this.#events.length });
    }
  }

  #wrongEvent(event: WatchEvent): Wrong {
    if (event.type === 'delete-range') return `the watch told a delete of a range at ${event.revision}`;
    const key = event.type === 'put' ? event.current.key : event.key;
    const change = this.#truth.changeAt(event.revision);
    const value = event.type === 'put' ? text(event.current) : undefined;
    if (change === undefined || this.#prefix + change.key !== key || change.value !== value)
      return `the watch told ${key} with ${value ?? 'nothing'} at ${event.revision}, which never was`;
    if (event.previous !== undefined && event.previous.key !== key)
      return `the watch told ${event.previous.key} as the previous entry of ${key}`;
    return (
      (event.type === 'put' ? wrongEntry(event.current) : undefined) ?? (event.previous && wrongEntry(event.previous))
    );
  }
}

/** What is wrong with a batch's bookmark, by what was changed in the watched range. */
function wrongBatch({ batch, events }: Told, before: Told | undefined, changed: readonly number[]): Wrong {
  const { revision } = batch.bookmark;
  if (revision < (before?.batch.bookmark.revision ?? 0)) return `the watch went back to ${revision}`;
  const due = changed.filter((each) => each <= revision).length;
  if (events < due) return `the watch had told ${events} of ${due} events at its bookmark ${revision}`;
  return wrongRevision(revision);
}

function text({ value }: KeyValue): string {
  return Buffer.from(value).toString();
}
