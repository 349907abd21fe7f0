import type { Clock, LeaseId, TimerHandle, WriteOutcome } from '@holdfast/store';
import { DeadlineHeap } from './deadline-heap.js';
import { invalidArgument, leaseExists, leaseNotFound } from '../errors.js';
import type { KeyHistory } from '../data/key-history.js';
import type { LeaseBook } from '../data/mvcc.js';

export interface LeaseRecord {
  readonly id: LeaseId;
  /** Seconds granted. */
  readonly ttl: number;
  /** When it expires, in milliseconds since the epoch, by the wall clock at the time of the last renewal. */
  expiresAt: number;
  /** When it expires by the monotonic clock. This one counts. */
  deadline: number;
  readonly keys: Set<KeyHistory>;
}

export interface LessorOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** Called with each expired lease, which is forgotten already. The callee deletes its keys. */
  readonly onExpired: (lease: LeaseRecord) => void;
}

// etcd's limit: about 285 years.
const MAX_TTL_SECONDS = 9_000_000_000;
// Node fires longer timers at once.
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The leases, and the one timer that waits for the first of them to expire. */
export class Lessor implements LeaseBook {
  readonly #leases = new Map<LeaseId, LeaseRecord>();
  // Each lease is in it once, at its deadline or before. A renewed or removed lease is noticed when its turn comes.
  readonly #deadlines = new DeadlineHeap<LeaseRecord>();
  readonly #options: LessorOptions;
  #timer: { readonly handle: TimerHandle; readonly at: number } | undefined;

  constructor(options: LessorOptions) {
    this.#options = options;
  }

  grant(ttl: number, id: LeaseId | undefined): LeaseRecord {
    if (ttl > MAX_TTL_SECONDS) {
      throw invalidArgument(`a lease of ${ttl} seconds is too long; the most is ${MAX_TTL_SECONDS}`);
    }
    if (id !== undefined && this.#leases.has(id)) throw leaseExists(id);
    const lease: LeaseRecord = {
      id: id ?? this.#freeId(),
      ttl,
      ...this.#endOf(ttl),
      keys: new Set<KeyHistory>(),
    };
    this.#leases.set(lease.id, lease);
    this.#deadlines.push(lease.deadline, lease);
    this.#arm();
    return lease;
  }

  find(id: LeaseId): LeaseRecord | undefined {
    return this.#leases.get(id);
  }

  /** Throws `lease-not-found` if there is none. */
  require(id: LeaseId, outcome?: WriteOutcome): LeaseRecord {
    const lease = this.#leases.get(id);
    if (lease === undefined) throw leaseNotFound(id, outcome);
    return lease;
  }

  renew(lease: LeaseRecord): void {
    Object.assign(lease, this.#endOf(lease.ttl));
  }

  /** A lease's remaining time, in milliseconds. */
  leftMs({ deadline }: LeaseRecord): number {
    return Math.max(0, deadline - this.#elapsed());
  }

  /** Forgets a lease. The caller deletes its keys. */
  remove(lease: LeaseRecord): void {
    this.#leases.delete(lease.id);
    if (this.#leases.size === 0) this.close();
  }

  list(): LeaseRecord[] {
    return [...this.#leases.values()];
  }

  attach(id: LeaseId, history: KeyHistory): void {
    this.#leases.get(id)?.keys.add(history);
  }

  detach(id: LeaseId, history: KeyHistory): void {
    this.#leases.get(id)?.keys.delete(history);
  }

  /** Ends every expired lease, also if the timer is late. */
  expire(): void {
    const now = this.#elapsed();
    for (let first = this.#deadlines.peek(); first !== undefined && first.at <= now; first = this.#deadlines.peek()) {
      const { item: lease } = first;
      this.#deadlines.pop();
      if (this.#leases.get(lease.id) !== lease) continue;
      if (lease.deadline > now) {
        this.#deadlines.push(lease.deadline, lease);
      } else {
        this.remove(lease);
        this.#options.onExpired(lease);
      }
    }
  }

  /** Forgets all leases, and the timer. */
  close(): void {
    this.#leases.clear();
    this.#deadlines.clear();
    this.#disarm();
  }

  #arm(): void {
    const first = this.#deadlines.peek();
    if (first === undefined || (this.#timer !== undefined && this.#timer.at <= first.at)) return;
    this.#disarm();
    const { clock } = this.#options;
    const delay = Math.min(Math.max(0, first.at - this.#elapsed()), MAX_TIMER_MS);
    const handle = clock.setTimeout(() => {
      this.#timer = undefined;
      this.expire();
      this.#arm();
    }, delay);
    this.#timer = { handle, at: first.at };
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer.handle);
    this.#timer = undefined;
  }

  /** Monotonic: a wall clock that is set forward by an hour must not end leases. */
  #elapsed(): number {
    const { clock } = this.#options;
    return clock.monotonic?.() ?? clock.now();
  }

  #endOf(ttl: number): Pick<LeaseRecord, 'expiresAt' | 'deadline'> {
    return { expiresAt: this.#options.clock.now() + ttl * 1_000, deadline: this.#elapsed() + ttl * 1_000 };
  }

  /** A random positive 63-bit id, like etcd's. */
  #freeId(): LeaseId {
    const { random } = this.#options;
    for (;;) {
      const high = BigInt(Math.floor(random() * 2 ** 31));
      const low = BigInt(Math.floor(random() * 2 ** 32));
      const id = String((high << 32n) | low);
      if (id !== '0' && !this.#leases.has(id)) return id;
    }
  }
}
