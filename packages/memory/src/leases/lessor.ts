import type { Clock, LeaseId, TimerHandle, WriteOutcome } from '@holdfast/store';
import { DeadlineHeap } from './deadline-heap.js';
import { invalidArgument, leaseExists, leaseNotFound } from '../errors.js';
import type { KeyHistory } from '../data/key-history.js';
import type { LeaseBook } from '../data/mvcc.js';

export interface LeaseRecord {
  readonly id: LeaseId;
  /** Seconds granted. */
  readonly ttl: number;
  /** When it expires, in milliseconds since the epoch, as the wall clock was when that was settled. */
  expiresAt: number;
  /** When it expires by the clock that nobody sets: what counts. */
  deadline: number;
  readonly keys: Set<KeyHistory>;
}

export interface LessorOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** Called with each lease that ran out of time, already forgotten here: its keys are to be deleted. */
  readonly onExpired: (lease: LeaseRecord) => void;
}

// Etcd's limit: about 285 years.
const MAX_TTL_SECONDS = 9_000_000_000;
// Node fires a longer timer at once.
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The leases, and the one timer that waits for the first of them to expire. */
export class Lessor implements LeaseBook {
  readonly #leases = new Map<LeaseId, LeaseRecord>();
  // Each lease once, at a time that is not after it expires: renewed and removed ones are sorted out on the way out.
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

  /** Throws `lease-not-found` where there is none. */
  require(id: LeaseId, outcome?: WriteOutcome): LeaseRecord {
    const lease = this.#leases.get(id);
    if (lease === undefined) throw leaseNotFound(id, outcome);
    return lease;
  }

  renew(lease: LeaseRecord): void {
    Object.assign(lease, this.#endOf(lease.ttl));
  }

  /** How long a lease still has, in milliseconds. */
  leftMs({ deadline }: LeaseRecord): number {
    return Math.max(0, deadline - this.#elapsed());
  }

  /** Forgets a lease; its keys are the caller's to delete. */
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

  /** Ends every lease that is out of time, also where the timer is late. */
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

  /** An hour that somebody sets the wall clock forward by must not end the leases of an hour. */
  #elapsed(): number {
    const { clock } = this.#options;
    return clock.monotonic?.() ?? clock.now();
  }

  #endOf(ttl: number): Pick<LeaseRecord, 'expiresAt' | 'deadline'> {
    return { expiresAt: this.#options.clock.now() + ttl * 1_000, deadline: this.#elapsed() + ttl * 1_000 };
  }

  /** A random positive 63-bit id, as etcd's are. */
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
