import { StoreError, type CallOptions, type ConfigStore } from '@holdfast/store';
import { addAbortListener, Backoff, removeAbortListener, sleep, withDeadline } from '@holdfast/store/adapter';
import { isPassing } from '../errors.js';
import type { SessionClock } from './elapsed.js';

/** How long one call to the store may take before it is given up and made again. */
const CALL_MS = 5_000;
const WRITE_LIMITS: CallOptions = { timeoutMs: CALL_MS };
const RETRY = { initialMs: 50, maxMs: 1_000 };

/** Calls to a store that end in time, and are made again where that does no harm. */
export class Caller {
  readonly store: ConfigStore;
  readonly clock: SessionClock;
  readonly random: () => number;

  constructor(store: ConfigStore, clock: SessionClock, random: () => number) {
    this.store = store;
    this.clock = clock;
    this.random = random;
  }

  backoff(): Backoff {
    return new Backoff({ ...RETRY, random: this.random });
  }

  /** One call, which ends in time even if the store does not answer. */
  call<T>(work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const late = () => this.#late();
    return withDeadline({ clock: this.clock, ms: CALL_MS, signal, late }, (deadline) => work(deadline.signal));
  }

  /**
   * The same for a write that is better left to end by itself: the store ends it at its time-out. Where the store does not, or the signal
   * aborts, only the wait is over. It makes no signal of its own, which would take more time than all else here.
   */
  write<T>(work: (limits: CallOptions) => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    return new Promise<T>((resolve, reject) => {
      const onAbort = () => {
        reject(signal?.reason as Error);
      };
      const timer = this.clock.setTimeout(() => {
        reject(this.#late());
      }, CALL_MS);
      const over = () => {
        this.clock.clearTimeout(timer);
        removeAbortListener(signal, onAbort);
      };
      addAbortListener(signal, onAbort);
      work(WRITE_LIMITS).then(resolve, reject).finally(over);
    });
  }

  /**
   * Repeats what does no harm when it happens twice, until it succeeds.
   *
   * @throws StoreError the reason of the signal, and refusals, which no repetition would change
   */
  insist<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#repeat(() => this.call(work, signal), signal);
  }

  /** The same with each attempt a {@link write}. */
  insistOnWrite<T>(work: (limits: CallOptions) => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#repeat(() => this.write(work, signal), signal);
  }

  async #repeat<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
    let backoff: Backoff | undefined;
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        signal.throwIfAborted();
        if (!isPassing(error)) throw error;
        backoff ??= this.backoff();
        await sleep(this.clock, backoff.next(), signal);
      }
    }
  }

  #late(): StoreError {
    return new StoreError('timeout', `the ${this.store.name} store did not answer within ${CALL_MS} ms`);
  }
}
