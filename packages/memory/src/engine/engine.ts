import type { Bookmark, Clock, LeaseId, StoreError, TxnResult, WriteOutcome } from '@holdfast/store';
import type { DriverListOptions, DriverPutOptions, DriverTxn, KeyRange } from '@holdfast/store/adapter';
import { inNextTurn } from '@holdfast/store/adapter';
import {
  type LeaseRecord as Lease,
  LeaseTable,
  type RequestLimits,
  checkPutSize,
  checkTxnSize,
  keyNotFound,
} from '@holdfast/adapter-kit';
import { type ByteString, type Interval, copyBytes, keyToByteString, toInterval } from '../data/byte-string.js';
import { Entries } from '../entries/entries.js';
import type { KeyHistory, Version } from '../data/key-history.js';
import { Mvcc, type Writer } from '../data/mvcc.js';
import { type Selection, select } from '../reads/reads.js';
import { type MemorySnapshot, type RestoreOptions, loadSnapshot, takeSnapshot } from './snapshot.js';
import { eachStep, plan } from '../txn/plan.js';
import { TxnReport, applyPut, runPlan } from '../txn/run.js';
import { WatchHub } from '../watch/hub.js';

export interface EngineOptions extends RequestLimits {
  readonly clock: Clock;
  readonly random: () => number;
  readonly identity: string | undefined;
  readonly progressIntervalMs: number;
}

// The number of changes that compaction frees in one turn of the event loop: well under a millisecond.
const RECLAIM_AT_ONCE = 1_000;

/**
 * The data behind one memory store and all of its handles (`connect()`): history, leases and watches, kept in step. Every
 * call runs to its end in one turn, so calls are atomic.
 */
export class Engine {
  readonly entries = new Entries(() => this.#lessor);
  readonly hub: WatchHub;
  readonly #options: EngineOptions;
  #identity: string;
  #lessor: LeaseTable<KeyHistory>;
  #mvcc: Mvcc;
  #handles = 0;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#identity = options.identity ?? this.#newIdentity();
    this.#lessor = this.#newLessor();
    this.#mvcc = new Mvcc(this.#lessor);
    this.hub = new WatchHub({
      clock: options.clock,
      progressIntervalMs: options.progressIntervalMs,
      entries: this.entries,
      history: () => this.#mvcc,
      identity: () => this.#identity,
    });
  }

  get limits(): RequestLimits {
    return this.#options;
  }

  get identity(): string {
    return this.#identity;
  }

  get history(): Mvcc {
    return this.#mvcc;
  }

  bookmark(revision?: number): Bookmark {
    return this.hub.bookmark(revision ?? this.#mvcc.head);
  }

  open(): void {
    this.#handles += 1;
  }

  /** The last handle ends the timers. Each handle has closed its own watches. */
  close(): void {
    this.#handles -= 1;
    if (this.#handles === 0) this.#lessor.close();
  }

  get(key: string, revision: number | undefined): Version | undefined {
    this.#checkReadable(revision);
    return this.#mvcc.get(keyToByteString(key), revision);
  }

  list(range: KeyRange, options: DriverListOptions): Selection {
    this.#checkReadable(options.revision);
    return select(this.#mvcc, toInterval(range), options);
  }

  /** Writes a key. Returns the version that it replaced. */
  put(key: string, value: Uint8Array, options: DriverPutOptions): Version | undefined {
    checkPutSize(key, value, this.#options);
    this.#lessor.expire();
    this.#checkPut(key, options);
    return this.#write((writer) => applyPut(this.#mvcc, writer, key, value, options));
  }

  /** Writes a key that need not be UTF-8. */
  putRaw(key: ByteString, value: Uint8Array): void {
    this.#write((writer) => writer.put(key, copyBytes(value), undefined));
  }

  /** Deletes a range. Returns the deleted versions. */
  delete(range: KeyRange): readonly Version[] {
    return this.#write((writer) => writer.deleteAll(toInterval(range)));
  }

  txn(txn: DriverTxn): TxnResult {
    checkTxnSize(txn, this.#options);
    // Before the compares: the operations must meet the state that the compares see.
    this.#lessor.expire();
    const taken = plan(this.#mvcc, txn);
    // Everything that can fail is checked here, before the first change: puts first, as in etcd.
    eachStep(taken, (step) => {
      if (step.type === 'put') this.#checkPut(step.key, step.options);
    });
    eachStep(taken, (step) => {
      if (step.type === 'list') this.#checkReadable(step.options.revision, 'not-applied');
    });
    const begin = this.#mvcc.head;
    let changes = 0;
    const outcomes = this.#write((writer) => {
      const ran = runPlan(this.#mvcc, writer, taken);
      changes = writer.changed();
      return ran;
    });
    return new TxnReport(this.entries, this.#identity, { begin, end: this.#mvcc.head, changes }).txn(taken, outcomes);
  }

  /** Closes the history before a revision. The promise resolves when the memory is free again. */
  compact(revision: number): Promise<void> {
    const mvcc = this.#mvcc;
    mvcc.compact(revision);
    return new Promise((resolve) => {
      const reclaim = () => {
        // A history that was replaced meanwhile is freed as a whole.
        if (mvcc === this.#mvcc && mvcc.reclaim(RECLAIM_AT_ONCE)) inNextTurn(reclaim);
        else resolve();
      };
      inNextTurn(reclaim);
    });
  }

  grant(ttl: number, id: LeaseId | undefined): Lease<KeyHistory> {
    this.#lessor.expire();
    return this.#lessor.grant(ttl, id);
  }

  /** @param outcome for the error if there is no such lease */
  lease(id: LeaseId, outcome?: WriteOutcome): Lease<KeyHistory> {
    this.#lessor.expire();
    return this.#lessor.require(id, outcome);
  }

  leaseLeftMs(lease: Lease<KeyHistory>): number {
    return this.#lessor.leftMs(lease);
  }

  leases(): readonly Lease<KeyHistory>[] {
    this.#lessor.expire();
    return this.#lessor.list();
  }

  keepAlive(id: LeaseId): Lease<KeyHistory> {
    const lease = this.lease(id);
    this.#lessor.renew(lease);
    return lease;
  }

  revoke(id: LeaseId): void {
    const lease = this.lease(id, 'not-applied');
    this.#lessor.remove(lease);
    this.#deleteKeysOf(lease);
  }

  snapshot(): MemorySnapshot {
    return takeSnapshot(this.#mvcc, this.#lessor, this.#identity);
  }

  /** Replaces all data, as restoring a backup of a server does. */
  restore(snapshot: MemorySnapshot, { identity = 'same' }: RestoreOptions, cause: StoreError): void {
    const lessor = this.#newLessor();
    const mvcc = loadSnapshot(snapshot, lessor);
    const reconnect = this.hub.interrupt(cause, { rewind: true });
    this.#lessor.close();
    this.#lessor = lessor;
    this.#mvcc = mvcc;
    if (identity === 'new') this.#identity = this.#newIdentity();
    reconnect();
  }

  #checkReadable(revision: number | undefined, outcome?: WriteOutcome): void {
    if (revision !== undefined) this.#mvcc.checkReadable(revision, outcome);
  }

  #checkPut(key: string, { lease, ignoreLease, ignoreValue }: DriverPutOptions): void {
    if ((ignoreValue || ignoreLease) && this.#mvcc.get(keyToByteString(key)) === undefined) {
      throw keyNotFound(key, ignoreValue ? 'ignoreValue' : 'ignoreLease');
    }
    if (lease !== undefined) this.#lessor.require(lease, 'not-applied');
  }

  #write<T>(change: (writer: Writer) => T): T {
    const { changes, result } = this.#mvcc.write(change);
    if (changes.length > 0) this.hub.publish(changes);
    return result;
  }

  #deleteKeysOf(lease: Lease<KeyHistory>): void {
    // In key order, as in etcd. The set empties while its keys are deleted.
    const keys = [...lease.keys].map(({ key }) => key).sort();
    this.#write((writer) => {
      for (const key of keys) writer.deleteAll(justKey(key));
    });
  }

  #newLessor(): LeaseTable<KeyHistory> {
    const { clock, random } = this.#options;
    return new LeaseTable<KeyHistory>({
      clock,
      random,
      onExpire: (lease) => {
        this.#deleteKeysOf(lease);
      },
    });
  }

  #newIdentity(): string {
    const part = () =>
      Math.floor(this.#options.random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0');
    return `memory-${part()}${part()}`;
  }
}

function justKey(key: ByteString): Interval {
  return { start: key, end: `${key}\0` };
}
