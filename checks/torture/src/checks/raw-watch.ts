import {
  isStoreError,
  type Bookmark,
  type ConfigStore,
  type StoreErrorCode,
  type Watch,
  type WatchEvent,
} from '@holdfast/store';
import {
  checkAtomic,
  checkBookmarkable,
  checkOrdered,
  checkStates,
  checkUnique,
  checkWatches,
  eventually,
  Recorder,
  recordWatch,
  type Violation,
  type WatchRecord,
} from '@holdfast/testkit';
import type { Epoch } from '../epoch.js';
import { PREFIX } from '../world.js';

const RANGE = { prefix: PREFIX };
const READY_MS = 20_000;
const ARRIVAL_MS = 20_000;
const MOST_VIOLATIONS = 5;

export interface JudgeOptions {
  /** The servers' histories while the watch was open. */
  readonly epochs: readonly [Epoch, ...Epoch[]];
  /** The errors with which it may have ended. */
  readonly allowedEnds: readonly StoreErrorCode[];
  /** Makes the last history know of everything until now: keys expire while nobody writes, and the watch is told of it first. */
  readonly catchUp: () => Promise<void>;
}

/** A watch on the store under test. Its batches are taken and recorded. */
export class RawWatch {
  readonly #name: string;
  readonly #recorder = new Recorder();
  readonly #watch: Watch;
  readonly #consumed: Promise<void>;
  readonly #arrivalMs: number;
  #reached = 0;
  #end: StoreErrorCode | 'closed' | undefined;

  /** `arrivalMs`: how long the last event may take to arrive. */
  constructor(store: ConfigStore, name: string, after?: Bookmark, { arrivalMs = ARRIVAL_MS } = {}) {
    this.#name = name;
    this.#arrivalMs = arrivalMs;
    const options = after === undefined ? {} : { after };
    this.#watch = recordWatch(store.watch(RANGE, options), this.#recorder, { client: name, range: RANGE, options });
    this.#watch.ready.catch(() => undefined);
    this.#consumed = this.#consume();
  }

  /** Resolves when it is established or has ended. */
  async ready(): Promise<void> {
    await eventually(() => this.#watch.state.status === 'live' || this.#end !== undefined, { timeoutMs: READY_MS });
  }

  /** The bookmark from which it could be resumed. */
  get bookmark(): Bookmark | undefined {
    const last = this.#record.deliveries.findLast((delivery) => delivery.type === 'batch' || delivery.type === 'ready');
    if (last?.type === 'batch') return last.batch.bookmark;
    return last?.type === 'ready' ? last.bookmark : undefined;
  }

  get events(): number {
    return this.#eventsTold().length;
  }

  /** Waits for the last event, closes the watch, and compares everything with the real history. */
  async judge({ epochs, allowedEnds, catchUp }: JudgeOptions): Promise<readonly Violation[]> {
    const [first, ...others] = epochs;
    const isSameHistory = others.length === 0;
    const from = this.#from;
    const target = first.steps.findLast(({ events }) => events.some(isInRange))?.revision ?? 0;
    const violations: Violation[] = [];
    const violated = (guarantee: string, message: string) =>
      violations.push({ guarantee, message: `${this.#name} ${message}` });
    if (isSameHistory) {
      await eventually(() => this.#reached >= target || target <= from || this.#end !== undefined, {
        timeoutMs: this.#arrivalMs,
      }).catch(() => violated('reliable', `told of nothing past ${this.#reached}; there was something at ${target}`));
    }
    const ended = this.#end;
    await this.#watch.close();
    await this.#consumed;
    if (this.#reached > (epochs.at(-1)?.to ?? 0)) await catchUp();
    if (ended !== undefined && !allowedEnds.some((code) => code === ended)) violated('ends', `ended with ${ended}`);
    if (isSameHistory && first.isKnownBetween(from, this.#reached)) {
      violations.push(
        ...checkWatches(this.#recorder, first.timeline(Math.max(from, first.from), Math.max(first.to, this.#reached))),
      );
    } else {
      const checks = [checkOrdered, checkUnique, checkAtomic, checkBookmarkable];
      violations.push(...checks.flatMap((check) => check(this.#recorder)));
      for (const event of this.#eventsTold()) {
        if (epochs.some((epoch) => happenedIn(epoch, event))) continue;
        violated('reliable', `told of a ${event.type} at ${event.revision} that did not happen in any history`);
      }
    }
    violations.push(...checkStates(this.#recorder));
    return violations.slice(0, MOST_VIOLATIONS);
  }

  /** The revision at which it began. */
  get #from(): number {
    const ready = this.#record.deliveries.find((delivery) => delivery.type === 'ready');
    return this.#record.options.after?.revision ?? (ready?.type === 'ready' ? ready.bookmark.revision : 0);
  }

  get #record(): WatchRecord {
    const [record] = this.#recorder.watches;
    if (record === undefined) throw new Error('the watch was not recorded');
    return record;
  }

  #eventsTold(): WatchEvent[] {
    return this.#record.deliveries.flatMap((delivery) => (delivery.type === 'batch' ? delivery.batch.events : []));
  }

  async #consume(): Promise<void> {
    try {
      for await (const { bookmark } of this.#watch) this.#reached = Math.max(this.#reached, bookmark.revision);
      this.#end = 'closed';
    } catch (error) {
      this.#end = isStoreError(error) ? error.code : 'internal';
    }
  }
}

function isInRange(event: WatchEvent): boolean {
  return event.type === 'delete-range' || (event.type === 'put' ? event.current.key : event.key).startsWith(PREFIX);
}

function happenedIn(epoch: Epoch, event: WatchEvent): boolean {
  if (epoch.isForgotten(event.revision)) return true;
  if (event.type === 'put')
    return epoch.held(event.current.key, event.revision, Buffer.from(event.current.value).toString());
  return event.type === 'delete-range' || epoch.at(event.key, event.revision) === undefined;
}
