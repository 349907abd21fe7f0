import type { Bookmark } from '@holdfast/store';
import type { KeyRange } from '@holdfast/store/adapter';

/** How far watches of a range have come in a history. */
export interface SeenHistory {
  readonly revision: number;
  readonly raftTerm: number;
}

export const NOTHING_SEEN: SeenHistory = { revision: 0, raftTerm: 0 };

/**
 * What the open watches of each range have seen. A consumer may replace its watch by one that begins earlier, and that one must not know
 * less. Watches of other ranges don't count: their consumers may be about to find out that the history is another one by now.
 */
export class SeenHistories {
  /** Of all ranges: the latest identity, with the highest raft term. */
  #latest = { identity: '', raftTerm: 0 };
  #assumed: { readonly identity: string; readonly raftTerm: number } | undefined;
  readonly #byRange = new Map<string, { watches: number; identity: string; seen: SeenHistory }>();

  /** A watch is opened; to be let go with the function that is returned. */
  open(range: KeyRange): () => void {
    const name = nameOf(range);
    const entry = this.#byRange.get(name) ?? { watches: 0, identity: '', seen: NOTHING_SEEN };
    this.#byRange.set(name, entry);
    entry.watches += 1;
    return () => {
      entry.watches -= 1;
      if (entry.watches === 0) this.#byRange.delete(name);
    };
  }

  /** The highest raft term that any watch has seen of the latest history. */
  get raftTerm(): number | undefined {
    return this.#latest.raftTerm === 0 ? undefined : this.#latest.raftTerm;
  }

  /** A saved copy has seen a history under this raft term. */
  assume(identity: string, raftTerm: number): void {
    if (this.#latest.identity === '') this.#latest = { identity, raftTerm };
    this.#assumed = { identity, raftTerm };
  }

  /** What was seen of the history of a bookmark. */
  of(range: KeyRange, { identity }: Bookmark): SeenHistory {
    const entry = this.#byRange.get(nameOf(range));
    const seen = entry?.identity === identity ? entry.seen : NOTHING_SEEN;
    if (this.#assumed?.identity !== identity) return seen;
    return { ...seen, raftTerm: Math.max(seen.raftTerm, this.#assumed.raftTerm) };
  }

  /** A watch has come to the bookmark, under this raft term. */
  note(range: KeyRange, { identity, revision }: Bookmark, raftTerm: number): void {
    const most = this.#latest.identity === identity ? this.#latest.raftTerm : 0;
    this.#latest = { identity, raftTerm: Math.max(raftTerm, most) };
    const entry = this.#byRange.get(nameOf(range));
    if (entry === undefined) return;
    const before = entry.identity === identity ? entry.seen : NOTHING_SEEN;
    entry.identity = identity;
    entry.seen = { revision: Math.max(revision, before.revision), raftTerm: Math.max(raftTerm, before.raftTerm) };
  }

  /** The history is another one. */
  forget(range: KeyRange): void {
    this.#assumed = undefined;
    this.#latest = { identity: '', raftTerm: 0 };
    const entry = this.#byRange.get(nameOf(range));
    if (entry !== undefined) entry.seen = NOTHING_SEEN;
  }
}

function nameOf({ start, end }: KeyRange): string {
  const text = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  return end === undefined ? `${start.length}:${text(start)}` : `${start.length}:${text(start)}${text(end)}`;
}
