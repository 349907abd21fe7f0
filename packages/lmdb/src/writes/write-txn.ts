import { leaseNotFound } from '@holdfast/adapter-kit';
import type { LeaseId } from '@holdfast/store';
import type { Machine, StoreState } from '../data/state.js';
import { readState, writeState, type Tables } from '../database/tables.js';
import { expiredLeases, findLease, removeLease, type StoredLease } from '../leases/lease-book.js';
import { Draft } from './draft.js';

/** One write transaction of LMDB, in which the writes of a group follow one another. Each makes a revision of its own, if it changes anything. */
export class WriteTxn {
  readonly tables: Tables;
  readonly state: StoreState;
  readonly nowMs: number;
  #writes = 0;

  constructor(tables: Tables, machine: Machine) {
    this.tables = tables;
    this.state = readState(tables);
    this.nowMs = machine.uptimeMs();
  }

  /** How many writes were begun: once there are any, only the whole transaction can be taken back. */
  get writes(): number {
    return this.#writes;
  }

  /** To be called before whatever writes beside {@link WriteTxn.revise}. */
  touch(): void {
    this.#writes += 1;
  }

  /** Runs changes at the next revision. */
  revise<T>(change: (draft: Draft) => T): T {
    const draft = new Draft(this.tables, this.state.head + 1, () => {
      this.touch();
    });
    const result = change(draft);
    if (draft.changes > 0) this.state.head = draft.revision;
    return result;
  }

  /** Ends each lease whose time is over, as a revision of its own. */
  expireLeases(): void {
    for (const id of expiredLeases(this.tables, this.nowMs)) this.endLease(id);
  }

  /** Forgets a lease, and deletes its keys. */
  endLease(id: LeaseId): void {
    this.touch();
    const keys = removeLease(this.tables, id);
    this.revise((draft) => {
      for (const key of keys) draft.delete(key);
    });
  }

  /** @throws StoreError `lease-not-found` */
  requireLease(id: LeaseId): StoredLease {
    const lease = findLease(this.tables, id);
    if (lease === undefined) throw leaseNotFound(id, 'not-applied');
    return lease;
  }

  /** Writes the record of the store, at the end. Gives whether there is anything to commit. */
  finish(): boolean {
    if (this.#writes === 0) return false;
    this.state.clean = false;
    this.state.serial += 1;
    writeState(this.tables, this.state);
    return true;
  }
}
