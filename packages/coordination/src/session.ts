import type { CallOptions, LeaseId, ValueInput } from '@holdfast/store';
import type { Leadership } from './elections/leadership.js';
import type { Held } from './locks/held.js';

/** A lease that is kept alive, and what is held under it. An open session keeps the process alive: close it. */
export interface Session extends AsyncDisposable {
  /** For keys of your own that are to go with the session: `store.put(key, value, { lease: session.lease })`. */
  readonly lease: LeaseId;
  /** Seconds, as granted: a server may grant more than was asked for. */
  readonly ttl: number;
  /**
   * Aborts when the session is over, before its lease can have run out by time. The reason is a `StoreError` with the code `session-lost`, or
   * `closed` after `close()`.
   */
  readonly signal: AbortSignal;
  /** Throws if the session is over: `session-lost`, or `closed`. */
  check(): void;
  /**
   * Waits for a lock, first come, first served. Two calls of one session exclude each other too. The options bound the waiting: a call that they end takes up to
   * half a second longer if the store does not answer. In that time it tries to remove its key, so that usually none is left when it ends; afterwards the
   * removal goes on in the background.
   *
   * @throws StoreError `aborted`, `timeout`, `session-lost`, `closed`, `invalid-argument`, and refusals of the store
   */
  lock(name: string, options?: CallOptions): Promise<Held>;
  /** The lock if nobody has it or waits for it, otherwise `undefined`, at once. The options bound it as they do `lock()`. */
  tryLock(name: string, options?: CallOptions): Promise<Held | undefined>;
  /**
   * Runs `work` while holding a lock, and releases it. Rejects with what `work` throws; and with `session-lost` if the lock was lost before
   * `work` was done. The key is watched from the first use of `held.signal` or `held.check()` on.
   */
  withLock<T>(name: string, work: (held: Held) => T | PromiseLike<T>, options?: CallOptions): Promise<T>;
  /**
   * Waits to lead an election, first come, first served. `value` is what observers see, such as the address of this process. The options bound
   * the waiting as they do that of `lock()`.
   *
   * @throws StoreError as `lock()`
   */
  campaign(name: string, value: ValueInput, options?: CallOptions): Promise<Leadership>;
  /**
   * Ends the session: waiting calls reject with `closed`, all its locks are given away, all its keys are gone. It resolves when the lease is revoked. Idempotent.
   * A lost session has no claim on its lease any more: it resolves after a second at most, also if the lease could not be revoked.
   *
   * @throws StoreError where the store can't be reached within `timeoutMs` (5 s by default). The lease then runs out by itself.
   */
  close(options?: CallOptions): Promise<void>;
}
