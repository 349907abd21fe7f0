import { compactedError, futureRevision } from '@holdfast/adapter-kit';
import type { LeaseId, WriteOutcome } from '@holdfast/store';
import { type ByteString, type Interval, intervalContains } from './byte-string.js';
import { ChangeLog } from './change-log.js';
import { KeyHistory, type Version, isDeletion } from './key-history.js';
import { OrderedIndex } from './ordered-index.js';

const DELETED = { createRevision: 0, version: 0, value: new Uint8Array(0), lease: undefined };
// Roughly the memory of a version, without its key and value.
const VERSION_BYTES = 100;

// A watch that is behind first walks through so many changes of the whole store. If that is not enough it asks the index for
// the changes of its own range: few of them are taken at once, and otherwise it goes on walking, so many at a time.
const SHORT_WALK = 8_192;
const GATHERED = 4_096;
const LONG_WALK = 65_536;

/** Leases learn from it which keys they hold. */
export interface LeaseBook {
  attach(id: LeaseId, history: KeyHistory): void;
  detach(id: LeaseId, history: KeyHistory): void;
}

/** Changes of a range, in order, up to and including all of `upTo`. */
export interface Backlog {
  readonly changes: readonly Version[];
  readonly upTo: number;
}

type State = Pick<Version, 'createRevision' | 'version' | 'value' | 'lease'>;

/** A change to fill a history with. */
export type LoadedChange = State & { readonly key: ByteString; readonly modRevision: number };

/**
 * Every key with its history: multi-version state, as etcd keeps it. It begins empty at revision 1. A write that changes
 * something takes the next revision. All changes go through {@link Mvcc.write}.
 */
export class Mvcc {
  readonly #keys = new Map<ByteString, KeyHistory>();
  readonly #index = new OrderedIndex<KeyHistory>();
  readonly #log = new ChangeLog();
  readonly #leases: LeaseBook;
  #head = 1;
  #compactRevision = 0;
  #sequence = 0;
  #sizeBytes = 0;

  constructor(leases: LeaseBook) {
    this.#leases = leases;
  }

  /** The newest revision. */
  get head(): number {
    return this.#head;
  }

  /** The oldest revision that can be read. Before the first compaction: 0. */
  get compactRevision(): number {
    return this.#compactRevision;
  }

  /** Roughly the memory of all retained versions. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Throws if the state at `revision` is compacted, or does not exist yet. */
  checkReadable(revision: number, outcome?: WriteOutcome): void {
    if (revision > this.#head) throw futureRevision(revision, this.#head, outcome);
    if (revision < this.#compactRevision) throw compactedError(revision, this.#compactRevision, this.#head, outcome);
  }

  /** A key's state, at the head or at a readable revision. Inside a transaction the head includes its own writes so far. */
  get(key: ByteString, revision?: number): Version | undefined {
    const history = this.#keys.get(key);
    return revision === undefined ? history?.current : history?.at(revision);
  }

  /** The number of keys in the interval, at the head or at a readable revision. */
  count(interval: Interval, revision?: number): number {
    return revision === undefined
      ? this.#index.count(interval)
      : this.#index.countAt(interval, revision, (history) => history.at(revision) !== undefined);
  }

  /** Calls `visit` with the states of the interval's keys, in order, until it returns false. */
  walk(
    interval: Interval,
    options: { readonly revision?: number | undefined; readonly changedFrom?: number; readonly descending?: boolean },
    visit: (version: Version) => boolean,
  ): void {
    const { revision, changedFrom = 0, descending = false } = options;
    this.#index.walk(
      interval,
      (history) => {
        const version = revision === undefined ? history.current : history.at(revision);
        return version === undefined || version.modRevision < changedFrom || visit(version);
      },
      {
        descending,
        wanted: ({ live, newest }) => newest >= changedFrom && (live > 0 || revision !== undefined),
      },
    );
  }

  /**
   * The changes of an interval after a revision: about `most` of them, and only whole revisions. An interval that rarely
   * changed costs its own changes, whatever else happened in the store.
   */
  backlog(interval: Interval, after: number, most: number): Backlog {
    const first = this.#log.firstAfter(after);
    const changes: Version[] = [];
    let upTo = after;
    for (let walked = 0; ; walked++) {
      const change = this.#log.at(first + walked);
      if (change === undefined) return { changes, upTo: this.#head };
      if (change.modRevision !== upTo) {
        if (changes.length >= most || walked >= LONG_WALK) return { changes, upTo };
        upTo = change.modRevision;
      }
      if (intervalContains(interval, change.history.key)) changes.push(change);
      if (walked === SHORT_WALK) {
        const gathered = this.#gather(interval, after);
        if (gathered !== undefined) return { changes: gathered, upTo: this.#head };
      }
    }
  }

  #gather(interval: Interval, after: number): Version[] | undefined {
    const changes: Version[] = [];
    const complete = this.#index.walk(
      interval,
      (history) =>
        history.eachAfter(after, (version) => {
          changes.push(version);
          return changes.length <= GATHERED;
        }),
      { wanted: ({ newest }) => newest > after },
    );
    return complete ? changes.sort((a, b) => a.sequence - b.sequence) : undefined;
  }

  /** All retained changes, in the order in which they were made. */
  retained(): Version[] {
    const changes: Version[] = [];
    this.#index.walk({ start: '', end: undefined }, (history) =>
      history.eachAfter(0, (version) => changes.push(version) > 0),
    );
    return changes.sort((a, b) => a.sequence - b.sequence);
  }

  /** Fills an empty history with the changes that {@link Mvcc.retained} of another one gave. */
  load(changes: readonly LoadedChange[], state: { readonly head: number; readonly compactRevision: number }): void {
    for (const { key, modRevision, ...version } of changes) this.#append(this.#historyOf(key), modRevision, version);
    this.#head = state.head;
    this.#compactRevision = state.compactRevision;
  }

  /** Makes changes, all at one revision. Returns them, and the result of `change`, which must not throw half-way. */
  write<T>(change: (writer: Writer) => T): { readonly changes: readonly Version[]; readonly result: T } {
    const changes: Version[] = [];
    const revision = this.#head + 1;
    const result = change({
      revision,
      changed: () => changes.length,
      put: (key, value, lease) => {
        const history = this.#historyOf(key);
        const replaced = history.current;
        const version = this.#append(history, revision, {
          createRevision: replaced?.createRevision ?? revision,
          version: (replaced?.version ?? 0) + 1,
          value,
          lease,
        });
        changes.push(version);
        return { version, replaced };
      },
      deleteAll: (interval) => {
        const deleted: Version[] = [];
        this.walk(interval, {}, (version) => deleted.push(version) > 0);
        for (const { history } of deleted) changes.push(this.#append(history, revision, DELETED));
        return deleted;
      },
    });
    if (changes.length > 0) this.#head = revision;
    return { changes, result };
  }

  #historyOf(key: ByteString): KeyHistory {
    let history = this.#keys.get(key);
    if (history === undefined) {
      history = new KeyHistory(key);
      this.#keys.set(key, history);
      this.#index.insert(history);
    }
    return history;
  }

  #append(history: KeyHistory, modRevision: number, { createRevision, version: count, value, lease }: State): Version {
    const replaced = history.current;
    const sequence = this.#sequence++;
    const version: Version = { history, sequence, modRevision, createRevision, version: count, value, lease };
    history.append(version);
    this.#index.touch(history, (isDeletion(version) ? 0 : 1) - (replaced === undefined ? 0 : 1));
    this.#log.append(version);
    this.#sizeBytes += sizeOf(version);
    if (replaced?.lease !== lease) {
      if (replaced?.lease !== undefined) this.#leases.detach(replaced.lease, history);
      if (lease !== undefined) this.#leases.attach(lease, history);
    }
    return version;
  }

  /**
   * Closes the history before `revision`: from now on it can't be read or watched. {@link Mvcc.reclaim} frees its memory.
   */
  compact(revision: number): void {
    if (revision <= this.#compactRevision) {
      throw compactedError(revision, this.#compactRevision, this.#head, 'not-applied');
    }
    if (revision > this.#head) throw futureRevision(revision, this.#head, 'not-applied');
    this.#compactRevision = revision;
  }

  /** Frees up to `limit` changes that a compaction closed. Costs what it frees. Returns whether there are more. */
  reclaim(limit: number): boolean {
    const dropped = this.#log.dropThrough(this.#compactRevision, limit);
    for (const { history } of dropped) {
      for (const version of history.compact(this.#compactRevision)) this.#sizeBytes -= sizeOf(version);
      if (history.length === 0 && this.#keys.get(history.key) === history) {
        this.#keys.delete(history.key);
        this.#index.remove(history);
      }
    }
    return dropped.length === limit;
  }
}

/** Makes the changes of one {@link Mvcc.write}. */
export interface Writer {
  /** The revision of the changes. */
  readonly revision: number;
  /** The number of changes so far. */
  changed(): number;
  put(
    key: ByteString,
    value: Uint8Array,
    lease: LeaseId | undefined,
  ): { readonly version: Version; readonly replaced: Version | undefined };
  /** Deletes all keys of an interval. Returns their last versions. */
  deleteAll(interval: Interval): readonly Version[];
}

function sizeOf(version: Version): number {
  return VERSION_BYTES + version.history.key.length + version.value.length;
}
