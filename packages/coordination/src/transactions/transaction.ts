import type { KeyValue, LeaseId, Range, ValueInput } from '@holdfast/store';

/** An entry as a transaction sees it. What the transaction itself has put has no revisions yet. */
export type TransactionEntry = Omit<KeyValue, 'createRevision' | 'modRevision'> &
  Partial<Pick<KeyValue, 'createRevision' | 'modRevision'>>;

/** The entries of a range, in the UTF-8 byte order of their keys. */
export interface TransactionList {
  readonly items: readonly TransactionEntry[];
  readonly count: number;
}

/**
 * What the function of `transact()` reads and writes with. All reads see one revision, and what the transaction itself has written. Writes are kept, and
 * happen together when the function has returned.
 */
export interface Transaction {
  get(key: string): Promise<TransactionEntry | undefined>;
  list(range: Range): Promise<TransactionList>;
  /** A key may be written more than once: the last write counts. */
  put(key: string, value: ValueInput, options?: { readonly lease?: LeaseId | undefined }): void;
  delete(range: Range): void;
}
