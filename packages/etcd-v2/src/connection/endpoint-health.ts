import type { Clock } from '@holdfast/store';
import { Backoff } from '@holdfast/store/adapter';

/** How long after a failure an endpoint is avoided, at first and at most; doubles. */
const UNHEALTHY_MS = { initialMs: 500, maxMs: 15_000 };

/** How an endpoint has been lately. */
export class EndpointHealth {
  readonly #clock: Clock;
  readonly #penalty: Backoff;
  #avoidUntil = 0;
  #mayLackLeader = false;
  #servesV2 = false;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#penalty = new Backoff({ ...UNHEALTHY_MS, random });
  }

  /** Whether it has not failed lately. */
  get isGood(): boolean {
    const leftMs = this.#avoidUntil - this.#clock.now();
    // More than it can ever be given: somebody has set the wall clock back.
    return leftMs <= 0 || leftMs > UNHEALTHY_MS.maxMs;
  }

  /** When a failed endpoint is to be preferred again, in milliseconds since the epoch. */
  get avoidUntil(): number {
    return this.#avoidUntil;
  }

  /** Whether new connections are to be asked for a leader first. */
  get mayLackLeader(): boolean {
    return this.#mayLackLeader;
  }

  /** Whether it has answered as etcd's v2 API once. */
  get servesV2(): boolean {
    return this.#servesV2;
  }

  failed(mayLackLeader: boolean): void {
    this.#mayLackLeader ||= mayLackLeader;
    this.#avoidUntil = this.#clock.now() + this.#penalty.next();
  }

  answered(): void {
    this.#mayLackLeader = false;
    if (this.#avoidUntil === 0) return;
    this.#avoidUntil = 0;
    this.#penalty.reset();
  }

  servedV2(): void {
    this.#servesV2 = true;
  }
}
