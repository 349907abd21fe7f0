import { keyNotFound, type SyncTxnState } from '@holdfast/adapter-kit';
import type { KeyValue, Revision } from '@holdfast/store';
import type { DriverListOptions, DriverPutOptions, KeyRange } from '@holdfast/store/adapter';
import { boundsOf } from '../data/bounds.js';
import { keyBytes } from '../data/utf8.js';
import type { Tables } from '../database/tables.js';
import { split } from '../reads/entries.js';
import { bookmarkOf, getEntry, listEntries } from '../reads/list.js';
import { walk } from '../reads/walk.js';
import type { Draft } from './draft.js';
import type { WriteTxn } from './write-txn.js';

/** What may not be written now, such as under a lease that is not there. */
export function checkPut(
  { tables }: WriteTxn,
  requireLease: (lease: string) => unknown,
  key: string,
  { lease, ignoreLease, ignoreValue }: DriverPutOptions,
): void {
  if ((ignoreValue || ignoreLease) && !tables.entries.doesExist(keyBytes(key))) {
    throw keyNotFound(key, ignoreValue ? 'ignoreValue' : 'ignoreLease');
  }
  if (lease !== undefined) requireLease(lease);
}

/** The state that a transaction of the contract runs on. Its writes are one revision. */
export class TxnState implements SyncTxnState {
  readonly before;
  readonly #txn: WriteTxn;
  readonly #draft: Draft;
  readonly #tables: Tables;

  constructor(txn: WriteTxn, draft: Draft) {
    this.#txn = txn;
    this.#draft = draft;
    this.#tables = txn.tables;
    this.before = bookmarkOf(txn.state);
  }

  entries(range: KeyRange): readonly KeyValue[] {
    if (range.key !== undefined) {
      const entry = getEntry(this.#tables, keyBytes(range.key), undefined);
      return entry === undefined ? [] : [entry];
    }
    return split(this.#tables, [...walk(this.#tables, range)]).items;
  }

  put(key: string, value: Uint8Array, { lease }: Pick<DriverPutOptions, 'lease'>): void {
    this.#draft.put(keyBytes(key), value, lease);
  }

  delete(range: KeyRange): void {
    for (const key of keysOf(this.#tables, range)) this.#draft.delete(key);
  }

  revision(): Revision {
    return this.#draft.revision as Revision;
  }

  checkPut(key: string, options: DriverPutOptions): void {
    checkPut(this.#txn, (lease) => this.#txn.requireLease(lease), key, options);
  }

  past(range: KeyRange, options: DriverListOptions) {
    return listEntries(this.#tables, range, options, this.#txn.state);
  }
}

/** The keys of a range, before any of them is deleted. */
export function keysOf({ entries }: Tables, range: KeyRange): readonly Uint8Array[] {
  return [...entries.getKeys(boundsOf(range))];
}
