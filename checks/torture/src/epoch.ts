import type { KeyValue, WatchEvent } from '@holdfast/store';
import type { Step, Timeline } from '@holdfast/testkit';
import type { Held } from './outside.js';
import { keyValue } from './truth-source.js';

/** The entry of a key from a revision on; `undefined`: the key did not exist. */
interface Version {
  readonly revision: number;
  readonly entry: KeyValue | undefined;
}

/** One history of the servers, as etcd itself reported it. It ends when the servers get another one. */
export class Epoch {
  readonly index: number;
  /** The first revision at which its state is known. */
  readonly from: number;
  /** Of its servers, where they have one. */
  readonly identity: string | undefined;
  readonly steps: Step[] = [];
  readonly #versions = new Map<string, Version[]>();
  /** Ranges of revisions that etcd forgot before they could be learnt. */
  readonly gaps: { readonly after: number; readonly upTo: number }[] = [];

  constructor(index: number, from: number, initial: readonly KeyValue[], identity?: string) {
    this.index = index;
    this.from = from;
    this.identity = identity;
    for (const entry of initial) this.#note(entry.key, entry.modRevision, entry);
  }

  get to(): number {
    return this.steps.at(-1)?.revision ?? this.from;
  }

  get keys(): Iterable<string> {
    return this.#versions.keys();
  }

  /** Adds events of one or more revisions. Known ones are ignored. */
  add(events: readonly WatchEvent[]): void {
    for (const event of events) {
      const last = this.steps.at(-1);
      if (event.revision < this.to || (last === undefined && event.revision <= this.from)) continue;
      if (last?.revision === event.revision) {
        if (last.events.some((known) => keyOf(known) === keyOf(event))) continue;
        (last.events as WatchEvent[]).push(event);
      } else this.steps.push({ revision: event.revision, events: [event] });
      if (event.type === 'put') this.#note(event.current.key, event.revision, event.current);
      else if (event.type === 'delete') this.#note(event.key, event.revision, undefined);
      else {
        const { range } = event;
        const isIn = (key: string) => typeof range === 'object' && 'prefix' in range && key.startsWith(range.prefix);
        for (const key of this.#versions.keys()) if (isIn(key)) this.#note(key, event.revision, undefined);
      }
    }
  }

  /** The entry of a key at a revision. */
  at(key: string, revision: number): KeyValue | undefined {
    const versions = this.#versions.get(key);
    if (versions === undefined) return undefined;
    let [low, high] = [0, versions.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((versions[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return versions[low - 1]?.entry;
  }

  /** Whether a key ever had this value at this revision. */
  held(key: string, modRevision: number, text: string): boolean {
    return (
      this.#versions
        .get(key)
        ?.some(({ entry }) => entry?.modRevision === modRevision && Buffer.from(entry.value).toString() === text) ===
      true
    );
  }

  /** Everything that is known about a key, in words. */
  story(key: string): string {
    const versions = this.#versions.get(key) ?? [];
    return versions
      .map(({ revision, entry }) => (entry === undefined ? `gone at ${revision}` : `of ${revision}`))
      .join(', ');
  }

  /** The events after one revision and up to another, for comparison with recorded watches. */
  timeline(after: number, upTo: number): Timeline {
    const steps = this.steps.filter(({ revision }) => revision > after && revision <= upTo);
    return { from: after, to: upTo, steps, initial: [] };
  }

  /** Continues from a later state, after a gap in the known events. */
  bridge({ revision, readBy = revision, entries }: Held): void {
    if (revision <= this.to) return;
    this.gaps.push({ after: this.to, upTo: readBy });
    for (const key of this.#versions.keys()) if (!entries.has(key)) this.#note(key, revision, undefined);
    for (const [key, entry] of entries) {
      if (this.at(key, revision)?.modRevision !== entry.modRevision)
        this.#note(key, entry.modRevision, keyValue(key, entry));
    }
    this.steps.push({ revision, events: [] });
  }

  isKnownBetween(after: number, upTo: number): boolean {
    return !this.gaps.some((gap) => gap.after < upTo && gap.upTo > after);
  }

  /** Whether nobody knows what was there at that revision. */
  isForgotten(revision: number): boolean {
    return !this.isKnownBetween(revision - 1, revision);
  }

  #note(key: string, revision: number, entry: KeyValue | undefined): void {
    const versions = this.#versions.get(key);
    if (versions === undefined) this.#versions.set(key, [{ revision, entry }]);
    else versions.push({ revision, entry });
  }
}

function keyOf(event: WatchEvent): string {
  return event.type === 'put' ? event.current.key : event.type === 'delete' ? event.key : JSON.stringify(event.range);
}
