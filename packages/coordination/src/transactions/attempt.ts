import {
  isStoreError,
  StoreError,
  type Bookmark,
  type Compare,
  type ConfigStore,
  type LeaseId,
  type ListResult,
  type Range,
  type Revision,
  type TxnResult,
  type ValueInput,
} from '@holdfast/store';
import { checkNames, KeyRange, toValueBytes } from '@holdfast/store/adapter';
import { closedError, handled } from '../errors.js';
import { Reads } from './reads.js';
import type { Transaction, TransactionEntry, TransactionList } from './transaction.js';
import { Writes } from './writes.js';

/** What became of an attempt. `'conflict'`: somebody changed what it had read. `'refused'`: a condition of the caller's does not hold. */
export type Committed = { readonly revision: Revision } | 'conflict' | 'refused';

/** One run of the function: what it read and wrote. */
export class Attempt implements Transaction {
  readonly #store: ConfigStore;
  readonly #signal: AbortSignal;
  readonly #reads = new Reads();
  readonly #writes = new Writes();
  readonly #pending = new Set<Promise<unknown>>();
  /** Where the store can read the past, all reads are at the revision of the first one. */
  #snapshot: Promise<Bookmark> | undefined;
  #isOver = false;
  #isStale = false;

  constructor(store: ConfigStore, signal: AbortSignal) {
    this.#store = store;
    this.#signal = signal;
  }

  /** The state that it read is gone: whatever the function made of that does not count. */
  get isStale(): boolean {
    return this.#isStale;
  }

  get(key: string): Promise<TransactionEntry | undefined> {
    return handled(this.#get(key));
  }

  list(range: Range): Promise<TransactionList> {
    return handled(this.#listWithWrites(range));
  }

  async #get(key: string): Promise<TransactionEntry | undefined> {
    this.#checkOpen();
    const range = KeyRange.ofKey(key);
    const written = this.#writes.of(key);
    if (written !== undefined) return written === 'deleted' ? undefined : written;
    const { items } = await this.#read(range);
    return items[0];
  }

  async #listWithWrites(range: Range): Promise<TransactionList> {
    this.#checkOpen();
    const keys = KeyRange.from(range);
    const { items: stored } = await this.#read(keys);
    const items = this.#writes.over(keys, stored);
    return { items, count: items.length };
  }

  put(key: string, value: ValueInput, options?: { readonly lease?: LeaseId | undefined }): void {
    this.#checkOpen();
    const { lease } = checkNames(options, ['lease'], 'tx.put()') as { readonly lease?: LeaseId };
    KeyRange.ofKey(key);
    this.#writes.put(key, { value: copyOf(value), lease });
  }

  delete(range: Range): void {
    this.#checkOpen();
    this.#writes.delete(KeyRange.from(range));
  }

  /** From now on, the function can do nothing more. */
  end(): void {
    this.#isOver = true;
  }

  /** Waits for reads that the function began and did not await. They count, too. */
  async settle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending);
  }

  /** Makes the writes happen, if everything that was read is still so. */
  async commit(conditions: readonly Compare[]): Promise<Committed> {
    const snapshot = await this.#snapshot;
    if (this.#writes.isEmpty && conditions.length === 0 && snapshot !== undefined) return snapshot;
    const compares = [...conditions, ...this.#reads.compares()];
    this.#checkSize(compares.length);
    const result = await this.#store.txn(
      {
        if: compares,
        then: this.#writes.operations(),
        else: conditions.length === 0 ? [] : [{ type: 'txn', txn: { if: conditions } }],
      },
      { signal: this.#signal },
    );
    if (result.succeeded) return { revision: result.revision };
    return conditionsHold(result) ? 'conflict' : 'refused';
  }

  /** Everything that was read is compared: the limit is that of a transaction's conditions. */
  #checkSize(compares: number): void {
    const { maxTxnOperations } = this.#store.capabilities;
    if (maxTxnOperations === undefined || compares <= maxTxnOperations) return;
    const message = `the transaction has to compare ${compares} entries that it read, and the ${this.#store.name} store compares ${maxTxnOperations}; read fewer keys, and smaller ranges`;
    throw new StoreError('too-large', message, { outcome: 'not-applied' });
  }

  async #read(range: KeyRange): Promise<ListResult> {
    const reading = this.#list(range);
    this.#pending.add(reading);
    try {
      const list = await reading;
      // Only where the store can't read the past: there a second read may see a newer state.
      if (!this.#reads.note(range, list)) this.#isStale = true;
      const snapshot = await this.#snapshot;
      if (snapshot !== undefined && snapshot.identity !== list.bookmark.identity) this.#isStale = true;
      return list;
    } catch (error) {
      if (isGone(error)) this.#isStale = true;
      throw error;
    } finally {
      this.#pending.delete(reading);
    }
  }

  async #list(range: KeyRange): Promise<ListResult> {
    const signal = this.#signal;
    if (!this.#store.capabilities.historicalReads) return this.#store.list(range.toRange(), { signal });
    if (this.#snapshot !== undefined) {
      const { revision } = await this.#snapshot;
      return this.#store.list(range.toRange(), { revision, signal });
    }
    const first = this.#store.list(range.toRange(), { signal });
    this.#snapshot = first.then(({ bookmark }) => bookmark);
    this.#snapshot.catch(() => {
      // The function may go on after a read that failed: the next read is the first one then.
      this.#snapshot = undefined;
    });
    return first;
  }

  #checkOpen(): void {
    if (this.#isOver)
      throw closedError('the transaction is over: use tx only inside the function, and await its reads there');
  }
}

/** The state that was read is not there any more: it was compacted, or the store was restored to one before it. */
function isGone(error: unknown): boolean {
  return (['compacted', 'history-changed', 'future-revision'] as const).some((code) => isStoreError(error, code));
}

function conditionsHold({ results }: TxnResult): boolean {
  const [first] = results;
  return first?.type === 'txn' ? first.succeeded : true;
}

/** The caller may change its bytes before the function has returned. */
function copyOf(value: unknown): Uint8Array {
  return new Uint8Array(toValueBytes(value, 'the value of tx.put()'));
}
