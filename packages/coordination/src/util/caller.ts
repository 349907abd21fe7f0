import { StoreError, type ConfigStore } from '@holdfast/store';
import { Backoff, sleep, withDeadline } from '@holdfast/store/adapter';
import { isPassing } from '../errors.js';
import type { SessionClock } from './elapsed.js';

/** How long one call to the store may take before it is given up and made again. */
const CALL_MS = 5_000;
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
    const late = () => new StoreError('timeout', `the ${this.store.name} store did not answer within ${CALL_MS} ms`);
    return withDeadline({ clock: this.clock, ms: CALL_MS, signal, late }, (deadline) => work(deadline.signal));
  }

  /**
   * Repeats what does no harm when it happens twice, until it succeeds.
   *
   * @throws StoreError the reason of the signal, and refusals, which no repetition would change
   */
  async insist<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const backoff = this.backoff();
    for (;;) {
      try {
        return await this.call(work, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!isPassing(error)) throw error;
        await sleep(this.clock, backoff.next(), signal);
      }
    }
  }
}
