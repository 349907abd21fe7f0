import { toRevision, type Revision, type UndecodableKey, type WatchEvent } from '@holdfast/store';
import { checkNames, checkWhole, invalidArgument } from '@holdfast/store/adapter';
import type { Changes, Head } from '../follow/changes.js';

export interface BoundedHistoryOptions {
  /** How many of the latest events are kept. Revisions are kept whole: the newest one may have more. */
  readonly maxEvents: number;
  /** The name of the history. Another one for each process, unless the store keeps its revisions. */
  readonly identity: string;
  /** The revision to begin at. Default: 1. */
  readonly revision?: number;
}

/** All that happened at one revision. */
interface Step {
  readonly revision: Revision;
  readonly events: readonly WatchEvent[];
  readonly undecodable: readonly UndecodableKey[];
}

/**
 * The latest events of a store that keeps no history itself, in memory: what {@link followChanges} asks for. A watch that is older ends in
 * `CompactedError`. Such a store declares `history: { events: maxEvents }`.
 */
export class BoundedHistory {
  readonly identity: string;
  readonly #maxEvents: number;
  /** Whole revisions, oldest first. */
  readonly #steps: Step[] = [];
  #events = 0;
  #revision: Revision;
  #compacted: number;

  constructor(options: BoundedHistoryOptions) {
    checkNames(options, ['maxEvents', 'identity', 'revision'], 'boundedHistory()');
    this.#maxEvents = checkWhole(options.maxEvents, 'maxEvents', 'events');
    if (typeof options.identity !== 'string' || options.identity === '') {
      throw invalidArgument('identity must be a string with at least one character');
    }
    this.identity = options.identity;
    this.#revision = toRevision(options.revision ?? 1);
    this.#compacted = this.#revision;
  }

  /** The newest revision. */
  get revision(): Revision {
    return this.#revision;
  }

  /** The revision that the next step has. */
  get next(): Revision {
    return toRevision(this.#revision + 1);
  }

  /**
   * Notes all events of the next revision.
   *
   * @param undecodable changes of keys that are not UTF-8, at the same revision
   * @throws StoreError `invalid-argument` unless all of them have the revision `next`
   */
  append(events: readonly WatchEvent[], undecodable: readonly UndecodableKey[] = []): void {
    const { next } = this;
    const other = [...events, ...undecodable].find(({ revision }) => revision !== next);
    const count = events.length + undecodable.length;
    if (count === 0 || other !== undefined) {
      const found = other === undefined ? 'none' : `one of ${other.revision}`;
      throw invalidArgument(`append() takes the events of revision ${next}, at least one, and got ${found}`);
    }
    this.#steps.push({ revision: next, events, undecodable });
    this.#events += count;
    this.#revision = next;
    while (this.#events > this.#maxEvents && this.#steps.length > 1) {
      const dropped = this.#steps.shift();
      if (dropped === undefined) return;
      this.#events -= dropped.events.length + dropped.undecodable.length;
      this.#compacted = dropped.revision;
    }
  }

  head(): Head {
    return { identity: this.identity, revision: this.#revision };
  }

  changesSince(after: number): Changes {
    const steps = this.#steps.slice(this.#steps.findLastIndex(({ revision }) => revision <= after) + 1);
    const undecodable = steps.flatMap((step) => step.undecodable);
    return {
      identity: this.identity,
      head: this.#revision,
      compacted: this.#compacted,
      events: steps.flatMap(({ events }) => events),
      ...(undecodable.length > 0 && { undecodable }),
    };
  }
}

/** Makes a {@link BoundedHistory}. */
export function boundedHistory(options: BoundedHistoryOptions): BoundedHistory {
  return new BoundedHistory(options);
}
