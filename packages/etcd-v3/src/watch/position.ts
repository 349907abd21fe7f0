import { StoreError, type Bookmark, type Revision } from '@holdfast/store';
import type { DriverWatchOptions, KeyRange } from '@holdfast/store/adapter';
import type { LinearizableHead } from '../connection/transport.js';
import type { RawHeader } from '../protobuf/header.js';
import type { CreateRequest } from '../protobuf/watch.js';
import { proofOfOtherHistory, suspicionOf, type KnownHistory } from './history-check.js';
import { NOTHING_SEEN, type SeenHistories } from './seen-histories.js';

/**
 * Where one watch is, where it begins, and what it knows of the history there. It moves only with what was pushed: all events of a
 * revision (never a header's, docs/traps.md#trap-1), or progress that speaks for this watch.
 */
export class WatchPosition {
  readonly #range: KeyRange;
  readonly #seen: SeenHistories;
  readonly #leaveSeen: () => void;
  #bookmark: Bookmark | undefined;
  /**
   * Begins where the server is, and not at the head that was read: behind a slow line, or beside compactions that are quicker than
   * an answer, that revision would be gone before the watch is created.
   */
  #beginsNow: boolean;
  /** A beginning that one member told, and no read has confirmed. */
  #unread: Bookmark | undefined;
  #raftTerm: number;
  /** A member that is behind that lags, although the watch begins earlier. */
  #seenRevision: number;

  /** @param after where it begins; `undefined`: now */
  constructor(range: KeyRange, after: Bookmark | undefined, seen: SeenHistories) {
    this.#range = range;
    this.#seen = seen;
    this.#bookmark = after;
    this.#beginsNow = after === undefined;
    const known = after === undefined ? NOTHING_SEEN : seen.of(range, after);
    this.#raftTerm = known.raftTerm;
    this.#seenRevision = known.revision;
    this.#leaveSeen = seen.open(range);
  }

  /** `undefined` until the head was read. */
  get bookmark(): Bookmark | undefined {
    return this.#bookmark;
  }

  get known(): KnownHistory {
    if (this.#bookmark === undefined)
      throw new StoreError('internal', 'a watch was created before its start was known');
    return { bookmark: this.#bookmark, raftTerm: this.#raftTerm };
  }

  /**
   * "Now", for a watch without `after`, is this or later: a linearizable read's revision. The head that `created` tells is one
   * member's. Alone it may be older than what this process has written or read already (docs/traps.md#trap-16).
   */
  noteHead(head: LinearizableHead): void {
    this.#bookmark = { revision: head.revision, identity: head.clusterId };
    this.#raftTerm = Math.max(this.#raftTerm, head.raftTerm);
  }

  /**
   * What the server is asked for. It starts at the bookmark's own revision, although everything up to it is here: a watch from the
   * revision after it would be accepted where that is the compacted one, and 3.4 then leaves out what was deleted in it. A watch that
   * begins now has no start: the server begins after the head that it tells with `created`.
   */
  request({ previous, only }: Pick<DriverWatchOptions, 'previous' | 'only'>): CreateRequest {
    const { start, key, end } = this.#range;
    const rangeEnd = key === undefined ? (end ?? 'end') : undefined;
    const startRevision = this.#beginsNow ? 0 : this.known.bookmark.revision;
    return { key: start, rangeEnd, startRevision, previous, only, progressNotify: true };
  }

  /** Why a member's `created` answer may be of another history; `undefined` if nothing speaks for that. */
  suspicionOf(header: RawHeader): string | undefined {
    const suspicion = suspicionOf(header, this.known, this.#seenRevision);
    // "Now" of a member that is behind, or of a proxy that tells no head, is not known: the head that was read is.
    if (suspicion !== undefined) this.#beginsNow = false;
    return suspicion;
  }

  /**
   * What a linearizable read says of a suspicion: a proof of another history, or that the member is only behind. `'back'`: it was not the
   * member; the store went back, and not as far as to where this watch begins.
   */
  judge(head: LinearizableHead): { readonly proof: string } | 'back' | 'behind' {
    const proof = proofOfOtherHistory(head, this.known);
    if (proof !== undefined) {
      this.#seen.forget(this.#range);
      return { proof };
    }
    if (head.revision >= this.#seenRevision) return 'behind';
    this.#seenRevision = 0;
    return 'back';
  }

  /** A member has begun the watch. Gives where. */
  begin(header: RawHeader): Bookmark {
    const { revision, identity } = this.known.bookmark;
    const bookmark: Bookmark = { revision: this.#beginsNow ? (header.revision as Revision) : revision, identity };
    this.#bookmark = bookmark;
    this.#unread = this.#beginsNow ? bookmark : undefined;
    this.#beginsNow = false;
    return bookmark;
  }

  /** Takes the beginning that no read has confirmed, if there is one. */
  takeUnread(): KnownHistory | undefined {
    const beginning = this.#unread;
    this.#unread = undefined;
    return beginning && { bookmark: beginning, raftTerm: this.#raftTerm };
  }

  /** It was not confirmed. */
  putBack({ bookmark }: KnownHistory): void {
    this.#unread = bookmark;
  }

  /** What was pushed ends here. */
  moveTo(bookmark: Bookmark): void {
    this.#bookmark = bookmark;
  }

  /** The watch follows, or has followed, a stream of this term. */
  noteTerm(raftTerm: number): void {
    this.#raftTerm = Math.max(this.#raftTerm, raftTerm);
    if (this.#bookmark !== undefined) this.#seen.note(this.#range, this.#bookmark, this.#raftTerm);
  }

  /** The watch is over. */
  close(): void {
    this.#leaveSeen();
  }
}
