import type { Bookmark, CallOptions, Compare } from '@holdfast/store';

/**
 * A fencing token: the revision that created the holder's key, and the history in which it counts. Within one history it grows with each
 * holder. Hand it to what the lock protects, and let that refuse a token below the highest that it has seen.
 */
export type Token = Bookmark;

/** A lock that is held, until it is released or lost. */
export interface Held extends AsyncDisposable {
  /** The key by which it is held, below the lock's name. */
  readonly key: string;
  readonly token: Token;
  /**
   * Aborts when the lock is lost: with the session, or because its key is gone. The reason is a `StoreError` with the code `session-lost`; or
   * `closed`, where the session was closed. `release()` does not abort it.
   *
   * The key is watched from the first use of `signal` or `check()` on. Until that watch has answered, only the clock counts: the time of the session's lease.
   * Read `signal` right after acquiring the lock to have the key watched from the start. The watch hears also of a deletion since the lock was acquired.
   */
  readonly signal: AbortSignal;
  /** For `store.txn({ if: [held.compare], … })`: a transaction that happens only while the lock is held. */
  readonly compare: Compare;
  /**
   * Throws if the lock is not held any more. The first use of `check()` or {@link signal} begins the watch of the key, and knows only the time of the
   * session's lease: it passes although somebody has deleted the key. Later ones throw as soon as the watch has told it.
   *
   * @throws StoreError `session-lost` if it was lost, `closed` if it was released or its session closed
   */
  check(): void;
  /**
   * Gives the lock away. Resolves when its key is gone, and at once if the lock was lost. It never removes the key of another holder, and may be
   * called again: that joins the removal under way, or makes the next attempt at once.
   *
   * @throws StoreError where the store refuses, or the limits are reached. The lock counts as released all the same: its key goes as soon as the store
   * can be reached, or with the session.
   */
  release(options?: CallOptions): Promise<void>;
}
