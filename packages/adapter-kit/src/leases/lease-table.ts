import type { Clock, LeaseId, TimerHandle, WriteOutcome } from '@holdfast/store';
import {
  backgroundClock,
  checkClock,
  checkNames,
  invalidArgument,
  monotonicMs,
  safeRandom,
} from '@holdfast/store/adapter';
import { DeadlineHeap } from './deadline-heap.js';
import { leaseExists, leaseNotFound } from './lease-errors.js';

/** A lease, and what is attached to it. `K` is how the store names a key. */
export interface LeaseRecord<K = string> {
  readonly id: LeaseId;
  /** Seconds granted. */
  readonly ttl: number;
  /** When it expires, in milliseconds since the epoch, by the wall clock at the time of the last renewal. */
  expiresAt: number;
  /** When it expires by the monotonic clock. This one counts. */
  deadline: number;
  readonly keys: Set<K>;
}

export interface LeaseTableOptions<K = string> {
  /** The clock that judges leases. Default: the system's. Its monotonic time counts, where it has one. */
  readonly clock?: Clock | undefined;
  /** Gives a number in [0, 1), for ids. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Called with each lease that has expired, which is forgotten already. The callee deletes its keys. */
  readonly onExpire: (lease: LeaseRecord<K>) => void;
}

// etcd's limit: about 285 years.
const MAX_TTL_SECONDS = 9_000_000_000;
// Node fires longer timers at once.
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Leases on a clock, and the one timer that waits for the first of them to expire. It knows which keys are attached to which lease. For a
 * store whose leases live as long as the process: where they outlive it, the backend's own clock judges them. A lease does not keep the
 * process alive.
 */
export class LeaseTable<K = string> {
  readonly #leases = new Map<LeaseId, LeaseRecord<K>>();
  // Each lease is in it once, at its deadline or before. A renewed or removed lease is noticed when its turn comes.
  readonly #deadlines = new DeadlineHeap<LeaseRecord<K>>();
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #onExpire: (lease: LeaseRecord<K>) => void;
  #timer: { readonly handle: TimerHandle; readonly at: number } | undefined;

  /** @throws StoreError `invalid-argument` */
  constructor(options: LeaseTableOptions<K>) {
    checkNames(options, ['clock', 'random', 'onExpire'], 'leaseTable()');
    if (typeof options.onExpire !== 'function') throw invalidArgument('leaseTable() needs a function onExpire');
    this.#clock = backgroundClock(checkClock(options.clock));
    this.#random = safeRandom(options.random);
    this.#onExpire = options.onExpire;
  }

  /** @throws StoreError `conflict` if there is one with that id, `invalid-argument` for more than 285 years */
  grant(ttl: number, id?: LeaseId): LeaseRecord<K> {
    if (ttl > MAX_TTL_SECONDS) {
      throw invalidArgument(`a lease of ${ttl} seconds is too long; the most is ${MAX_TTL_SECONDS}`);
    }
    if (id !== undefined && this.#leases.has(id)) throw leaseExists(id);
    const lease: LeaseRecord<K> = {
      id: id ?? this.#freeId(),
      ttl,
      ...this.#endOf(ttl),
      keys: new Set<K>(),
    };
    this.#leases.set(lease.id, lease);
    this.#deadlines.push(lease.deadline, lease);
    this.#arm();
    return lease;
  }

  find(id: LeaseId): LeaseRecord<K> | undefined {
    return this.#leases.get(id);
  }

  /**
   * @param outcome for the error, of a write
   * @throws StoreError `lease-not-found` if there is none
   */
  require(id: LeaseId, outcome?: WriteOutcome): LeaseRecord<K> {
    const lease = this.#leases.get(id);
    if (lease === undefined) throw leaseNotFound(id, outcome);
    return lease;
  }

  /** Begins its time anew. */
  renew(lease: LeaseRecord<K>): void {
    Object.assign(lease, this.#endOf(lease.ttl));
  }

  /** A lease's remaining time, in milliseconds. */
  leftMs({ deadline }: LeaseRecord<K>): number {
    return Math.max(0, deadline - this.#elapsed());
  }

  /** Forgets a lease. The caller deletes its keys. */
  remove(lease: LeaseRecord<K>): void {
    this.#leases.delete(lease.id);
    if (this.#leases.size === 0) this.close();
  }

  list(): LeaseRecord<K>[] {
    return [...this.#leases.values()];
  }

  /** Notes that a key is attached to a lease. Without that lease it does nothing. */
  attach(id: LeaseId, key: K): void {
    this.#leases.get(id)?.keys.add(key);
  }

  detach(id: LeaseId, key: K): void {
    this.#leases.get(id)?.keys.delete(key);
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
        this.#onExpire(lease);
      }
    }
  }

  /**
   * Forgets all leases, and the timer. Their keys stay. For the `close()` of what owns the table: of the driver, or of the data where several
   * handles share them, since another handle's leases must go on.
   */
  close(): void {
    this.#leases.clear();
    this.#deadlines.clear();
    this.#disarm();
  }

  #arm(): void {
    const first = this.#deadlines.peek();
    if (first === undefined || (this.#timer !== undefined && this.#timer.at <= first.at)) return;
    this.#disarm();
    const delay = Math.min(Math.max(0, first.at - this.#elapsed()), MAX_TIMER_MS);
    const handle = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.expire();
      this.#arm();
    }, delay);
    this.#timer = { handle, at: first.at };
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer.handle);
    this.#timer = undefined;
  }

  /** Monotonic: a wall clock that is set forward by an hour must not end leases. */
  #elapsed(): number {
    return monotonicMs(this.#clock);
  }

  #endOf(ttl: number): Pick<LeaseRecord<K>, 'expiresAt' | 'deadline'> {
    return { expiresAt: this.#clock.now() + ttl * 1_000, deadline: this.#elapsed() + ttl * 1_000 };
  }

  /** A random positive 63-bit id, like etcd's. */
  #freeId(): LeaseId {
    for (;;) {
      const high = BigInt(Math.floor(this.#random() * 2 ** 31));
      const low = BigInt(Math.floor(this.#random() * 2 ** 32));
      const id = String((high << 32n) | low);
      if (id !== '0' && !this.#leases.has(id)) return id;
    }
  }
}

/** Makes a {@link LeaseTable}. */
export function leaseTable<K = string>(options: LeaseTableOptions<K>): LeaseTable<K> {
  return new LeaseTable(options);
}
