import type {
  Bookmark,
  DeleteResult,
  KeyValue,
  LeaseId,
  ListResult,
  PutResult,
  Revision,
  TxnResult,
} from '@holdfast/store';
import {
  encodeUtf8,
  leaseExists,
  runTxn,
  type DriverDeleteOptions,
  type DriverListOptions,
  type DriverOp,
  type DriverPutOptions,
  type DriverTxn,
  type KeyRange,
  type TxnState,
  type UndecodableEntry,
} from '@holdfast/adapter-kit';
import { listWithin } from '../reads/list-within.js';
import type { Put } from '../sql/put-function.js';
import { entriesOf, entryOf, isUtf8, rawEntryOf, type Version } from '../sql/versions.js';
import type { WriteTransaction } from './write-transaction.js';

/** A call that writes, as the queue runs it. It may run several times, and only the last run counts. */
export interface Job<T> {
  /** The keys that it looks at, by whether their values are needed. They are read with the lock. */
  readonly keys: readonly { readonly key: Uint8Array; readonly withValue: boolean }[];
  readonly leases: readonly LeaseId[];
  /** Roughly the bytes of its keys and values. */
  readonly bytes: number;
  /** Of a put of nothing but a value, whose result is the revision alone: what it puts. */
  readonly plain?: Put;
  /** Refuses by a `StoreError` before it has changed anything. */
  run(transaction: WriteTransaction): Promise<T>;
}

export function putJob(name: string, value: Uint8Array, options: DriverPutOptions): Job<PutResult> {
  const key = encodeUtf8(name);
  const { lease, previous, ignoreValue, ignoreLease } = options;
  if (ignoreValue || ignoreLease) {
    const job = txnJob({ if: [], then: [{ type: 'put', key: name, value, options }], else: [] });
    return { ...job, run: async (transaction) => putResult(await job.run(transaction)) };
  }
  return {
    keys: [{ key, withValue: previous }],
    leases: lease === undefined ? [] : [lease],
    bytes: key.length + value.length,
    ...(lease === undefined && !previous && { plain: { key, value } }),
    run: async (transaction) => {
      if (lease !== undefined) transaction.requireLease(lease);
      const before = previous ? await transaction.entry(key, true) : undefined;
      const revision = transaction.revision as Revision;
      await transaction.put(key, name, value, lease);
      return before === undefined || !isUtf8(before) ? { revision } : { revision, previous: entryOf(before) };
    },
  };
}

export function deleteJob(range: KeyRange, options: DriverDeleteOptions): Job<DeleteResult> {
  return {
    keys: range.key === undefined ? [] : [{ key: range.start, withValue: options.previous }],
    leases: [],
    bytes: range.start.length,
    run: async (transaction) => {
      const entry = range.key === undefined ? undefined : await transaction.entry(range.start, options.previous);
      const deleted = range.key === undefined ? await transaction.entries(range) : entry === undefined ? [] : [entry];
      const revision = (deleted.length === 0 ? transaction.before.revision : transaction.revision) as Revision;
      transaction.deleteAll(deleted);
      const result = { revision, deleted: deleted.length };
      return options.previous ? { ...result, previous: entriesOf(deleted).items } : result;
    },
  };
}

export function txnJob(txn: DriverTxn): Job<TxnResult> {
  return { ...needsOf(txn), run: (transaction) => runTxn(txn, new TxnOfJob(transaction)) };
}

/** A transaction's state, on one of the database. */
class TxnOfJob implements TxnState {
  readonly before: Bookmark;
  readonly #transaction: WriteTransaction;
  /** The range that was read last: it is asked for several times in a row. */
  #read: { readonly range: KeyRange; readonly versions: readonly Version[] } | undefined;

  constructor(transaction: WriteTransaction) {
    this.#transaction = transaction;
    this.before = transaction.before;
  }

  async entries(range: KeyRange): Promise<readonly KeyValue[]> {
    return (await this.#versions(range)).filter(isUtf8).map(entryOf);
  }

  async undecodable(range: KeyRange): Promise<readonly UndecodableEntry[]> {
    return (await this.#versions(range)).filter((version) => !isUtf8(version)).map(rawEntryOf);
  }

  async put(key: string, value: Uint8Array, { lease }: Pick<DriverPutOptions, 'lease'>): Promise<void> {
    this.#read = undefined;
    await this.#transaction.put(encodeUtf8(key), key, value, lease);
  }

  async delete(range: KeyRange): Promise<void> {
    const versions = await this.#versions(range);
    this.#read = undefined;
    this.#transaction.deleteAll(versions);
  }

  revision(): Revision {
    return this.#transaction.revision as Revision;
  }

  checkPut(_key: string, { lease }: DriverPutOptions): void {
    if (lease !== undefined) this.#transaction.requireLease(lease);
  }

  past(range: KeyRange, options: DriverListOptions): Promise<ListResult> {
    return listWithin(this.#transaction, range, options);
  }

  async #versions(range: KeyRange): Promise<readonly Version[]> {
    if (this.#read?.range !== range) this.#read = { range, versions: await this.#transaction.entries(range) };
    return this.#read.versions;
  }
}

export function grantJob(ttl: number, id: LeaseId | undefined, random: () => LeaseId): Job<LeaseId> {
  return {
    keys: [],
    leases: id === undefined ? [] : [id],
    bytes: 0,
    run: async (transaction) => {
      if (id !== undefined && transaction.hasLease(id)) throw leaseExists(id);
      const chosen = id ?? random();
      transaction.grant(chosen, ttl);
      return chosen;
    },
  };
}

export function revokeJob(id: LeaseId): Job<void> {
  return {
    keys: [],
    leases: [id],
    bytes: 0,
    run: async (transaction) => {
      transaction.requireLease(id);
      await transaction.revoke(id);
    },
  };
}

/** Does nothing itself: what has expired ends in every transaction. */
export const expiryJob: Job<void> = { keys: [], leases: [], bytes: 0, run: async () => undefined };

function needsOf(txn: DriverTxn): Pick<Job<unknown>, 'keys' | 'leases' | 'bytes'> {
  const keys = new Map<string, Uint8Array>();
  const leases = new Set<LeaseId>();
  let bytes = 0;
  const note = ({ key, start }: KeyRange): void => {
    bytes += start.length;
    if (key !== undefined) keys.set(key, start);
  };
  const walk = ({ if: compares, then, else: otherwise }: DriverTxn): void => {
    for (const { range } of compares) note(range);
    for (const op of [...then, ...otherwise]) each(op);
  };
  const each = (op: DriverOp): void => {
    if (op.type === 'txn') walk(op.txn);
    else if (op.type === 'put' || op.type === 'get') {
      const key = encodeUtf8(op.key);
      keys.set(op.key, key);
      bytes += key.length + (op.type === 'put' ? op.value.length : 0);
      if (op.type === 'put' && op.options.lease !== undefined) leases.add(op.options.lease);
    } else note(op.range);
  };
  walk(txn);
  return { keys: [...keys.values()].map((key) => ({ key, withValue: true })), leases: [...leases], bytes };
}

function putResult(result: TxnResult): PutResult {
  const [put] = result.results;
  if (put?.type !== 'put') throw new TypeError('a put gives the result of a put');
  const { type: _, ...rest } = put;
  return rest;
}
