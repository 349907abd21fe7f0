import { type Clock, StoreError } from '@holdfast/store';
import {
  Backoff,
  type BackoffOptions,
  isRefusedLocally,
  monotonicMs,
  sleep,
  toStoreError,
} from '@holdfast/store/adapter';
import type { ReplicationState } from './state.js';

type Side = 'source' | 'target';

export interface SupervisionOptions {
  readonly clock: Clock;
  readonly backoff: BackoffOptions;
  readonly startTimeoutMs: number;
  /** Aborts when the replication has ended. */
  readonly signal: AbortSignal;
  onState(state: ReplicationState): void;
}

/** How a replication stands, and what is done about calls that fail: they are tried again as long as that may help. */
export class Supervision {
  readonly #options: SupervisionOptions;
  readonly #delays: Readonly<Record<Side, Backoff>>;
  readonly #troubles = new Map<Side, { readonly since: number; readonly cause: StoreError }>();
  /** Where it stands, if both stores answer. */
  #work: ReplicationState;
  #shown: ReplicationState;
  /** While it starts, failures end it from then on, on the clock that nobody sets. */
  #startUntil: number | undefined;

  constructor(options: SupervisionOptions) {
    const { backoff, clock } = options;
    this.#options = options;
    this.#delays = { source: new Backoff(backoff), target: new Backoff(backoff) };
    this.#work = this.#shown = { status: 'starting', since: clock.now() };
  }

  get state(): ReplicationState {
    return this.#shown;
  }

  begin(): void {
    this.#startUntil = monotonicMs(this.#options.clock) + this.#options.startTimeoutMs;
  }

  started(): void {
    this.#startUntil = undefined;
  }

  /** Tries until it succeeds, or can't any more. */
  async retry<T>(side: Side, work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        const result = await work();
        this.answered(side);
        return result;
      } catch (error) {
        await this.failed(side, error);
      }
    }
  }

  /**
   * Waits after a failure.
   *
   * @throws StoreError what can't pass, and the reason of the end
   */
  async failed(side: Side, error: unknown): Promise<void> {
    const { clock, signal, startTimeoutMs } = this.#options;
    if (signal.aborted) throw signal.reason;
    const failure = toStoreError(error);
    if (!mayPass(failure)) throw failure;
    this.interrupted(side, failure);
    if (this.#startUntil !== undefined && monotonicMs(clock) >= this.#startUntil && this.#work.status === 'starting') {
      const message = `the ${side} was not reached within ${startTimeoutMs} ms: ${failure.message}`;
      throw new StoreError('timeout', message, { cause: failure, endpoint: failure.endpoint });
    }
    await sleep(clock, this.#delays[side].next(), signal);
  }

  answered(side: Side): void {
    this.#delays[side].reset();
    if (this.#troubles.delete(side)) this.#show();
  }

  interrupted(side: Side, cause: StoreError): void {
    if (this.#options.signal.aborted) return;
    const since = this.#troubles.get(side)?.since ?? this.#options.clock.now();
    this.#troubles.set(side, { since, cause });
    this.#show();
  }

  starting(): void {
    this.#become({ status: 'starting', since: this.#since('starting') });
  }

  copying(done: number, total: number): void {
    this.#become({ status: 'copying', since: this.#since('copying'), done, total });
  }

  following(): void {
    this.#become({ status: 'following', since: this.#since('following') });
  }

  /** Call it once, when the signal has aborted. @param error why it ended by itself; absent where it was closed */
  ended(error?: StoreError): void {
    const since = this.#options.clock.now();
    this.#troubles.clear();
    this.#work = error === undefined ? { status: 'closed', since } : { status: 'stopped', since, error };
    this.#show();
  }

  #become(work: ReplicationState): void {
    if (this.#options.signal.aborted) return;
    this.#work = work;
    this.#show();
  }

  #since(status: ReplicationState['status']): number {
    return this.#work.status === status ? this.#work.since : this.#options.clock.now();
  }

  #show(): void {
    const [trouble] = this.#troubles;
    const next: ReplicationState =
      trouble === undefined ? this.#work : { status: 'interrupted', store: trouble[0], ...trouble[1] };
    if (next === this.#shown) return;
    this.#shown = next;
    this.#options.onState(next);
  }
}

/** Whether a failure may pass without anybody doing something about this process. */
function mayPass(error: StoreError): boolean {
  const { retryable, code } = error;
  return !isRefusedLocally(error) && (retryable || code === 'internal' || code === 'unauthenticated');
}
