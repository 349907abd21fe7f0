import { type Bookmark, CompactedError, type KeyValue, StoreError, toRevision, type WatchEvent } from '@holdfast/store';

/** All events of one revision. */
export interface Group {
  readonly bookmark: Bookmark;
  readonly events: readonly WatchEvent[];
  /** How many events of a real store these stand for. */
  readonly weight: number;
}

/** How many events of a real store these stand for. */
export function weightOf(groups: readonly Group[]): number {
  return groups.reduce((sum, { weight }) => sum + weight, 0);
}

/** How many keys a transaction writes before the scenario begins. */
const WRITTEN = 100;
/** By so many of its newest events a mirror proves the history. */
const REMEMBERED = 64;
const IDENTITY = 'simulated';
const encoder = new TextEncoder();

/** What the server holds: a few keys, each of which stands for many, and what became of them. */
export class History {
  readonly prefix = '/fleet/';
  readonly #states = new Map<number, readonly KeyValue[]>();
  readonly #groups: Group[] = [];
  #head = 1;
  #changed = 1;
  #compacted = 0;

  /** The keys are written by two transactions. The last one stands for one of 100 keys, and has as many events as mirrors remember. */
  constructor(keys: number) {
    const older = Math.max(0, keys - REMEMBERED);
    const state = Array.from({ length: keys }, (_, index): KeyValue => {
      const key = `${this.prefix}r${String(index).padStart(7, '0')}`;
      const revision = toRevision(index < older ? 2 : 3);
      return { key, value: encoder.encode('1'), createRevision: revision, modRevision: revision, version: 1 };
    });
    for (const [revision, written] of [
      [2, state.slice(0, older)],
      [3, state.slice(older)],
    ] as const) {
      const events = written.map(
        (current) => ({ type: 'put', revision: current.modRevision, current, isCreate: true }) as const,
      );
      this.#head = revision;
      this.#groups.push({ bookmark: bookmarkAt(revision), weight: WRITTEN, events });
    }
    this.#states.set(this.#head, state);
    this.#changed = this.#head;
  }

  get head(): number {
    return this.#head;
  }

  /** The revision of the last change to a key of the range: from there on a mirror has everything. */
  get changed(): number {
    return this.#changed;
  }

  get compacted(): number {
    return this.#compacted;
  }

  bookmark(revision: number = this.#head): Bookmark {
    return bookmarkAt(revision);
  }

  /** Changes one key, in a transaction that stands for one of so many keys. */
  put(index: number, weight: number): Group {
    const before = this.at(undefined);
    const revision = toRevision((this.#head += 1));
    const old = before[index];
    if (old === undefined) throw new RangeError(`there is no key ${index}`);
    const value = encoder.encode(String(revision));
    const current: KeyValue = { ...old, value, modRevision: revision, version: (old.version ?? 0) + 1 };
    this.#states.set(
      revision,
      before.map((entry, at) => (at === index ? current : entry)),
    );
    const group: Group = {
      bookmark: bookmarkAt(revision),
      weight,
      events: [{ type: 'put', revision, current, isCreate: false }],
    };
    this.#groups.push(group);
    this.#changed = revision;
    return group;
  }

  /** Somebody changes a key that no mirror has. */
  putElsewhere(): void {
    const state = this.at(undefined);
    this.#states.set((this.#head += 1), state);
  }

  compact(revision: number): void {
    this.#compacted = revision;
    for (const each of this.#states.keys()) if (each < revision) this.#states.delete(each);
    while ((this.#groups[0]?.bookmark.revision ?? revision) < revision) this.#groups.shift();
  }

  /** @throws StoreError `compacted`, `future-revision` */
  at(revision: number | undefined): readonly KeyValue[] {
    if (revision !== undefined && revision < this.#compacted) throw this.lost();
    const state = this.#states.get(revision ?? this.#head);
    if (state !== undefined) return state;
    throw new StoreError('future-revision', `revision ${revision} is not there yet`);
  }

  /** The events from a revision on. */
  since(revision: number): readonly Group[] {
    return this.#groups.filter(({ bookmark }) => bookmark.revision >= revision);
  }

  lost(): StoreError {
    return new CompactedError('the history was compacted', { compactRevision: toRevision(this.#compacted) });
  }
}

function bookmarkAt(revision: number): Bookmark {
  return { revision: toRevision(revision), identity: IDENTITY };
}
