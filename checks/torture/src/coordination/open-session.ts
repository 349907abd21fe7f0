import type { Session } from '@holdfast/coordination';
import { isStoreError } from '@holdfast/store';
import type { LeaseClock } from './lease-clock.js';

/** How much of its time a lease may be counted on. */
const USABLE = 2 / 3;

/** A session with what is known of it outside. */
export class OpenSession {
  readonly session: Session;
  readonly who: string;
  /** Which history the servers had when it was opened. */
  readonly epoch: number;
  readonly #leases: LeaseClock;
  /** Whether it has held something: only then it knows of a history. */
  hasHeld = false;
  isClosed = false;

  constructor(session: Session, who: string, epoch: number, leases: LeaseClock) {
    this.session = session;
    this.who = who;
    this.epoch = epoch;
    this.#leases = leases;
  }

  get isOver(): boolean {
    return this.session.signal.aborted;
  }

  /** Whether it was lost, and says so. */
  get isLost(): boolean {
    const { signal } = this.session;
    return signal.aborted && isStoreError(signal.reason, 'session-lost');
  }

  /** Whether its lease can't have run out by time. */
  get isFresh(): boolean {
    const { lease, ttl } = this.session;
    return this.#leases.age(lease) < ttl * 1_000 * USABLE;
  }

  /** Milliseconds since the last confirmed renewal of its lease was sent. */
  get age(): number {
    return this.#leases.age(this.session.lease);
  }

  async close(timeoutMs?: number): Promise<void> {
    this.isClosed = true;
    await this.session.close(timeoutMs === undefined ? undefined : { timeoutMs });
  }
}
