import { type ConfigStore, StoreError } from '@holdfast/store';
import type { LedgerContext } from './ledger.js';
import { parseRecord, type ReplicationRecord } from './record.js';
import { recordGone, takenOver } from './taken-over.js';

/** The record as it is in the target. */
export interface Known {
  readonly revision: number;
  readonly record: ReplicationRecord;
}

/** The target with its record, as both ledgers have it. What it reads is tried again as long as that may help. */
export class RecordedTarget {
  readonly #store: ConfigStore;
  readonly #recordKey: string;
  readonly #context: LedgerContext;
  #known: Known | undefined;

  constructor(store: ConfigStore, recordKey: string, context: LedgerContext) {
    this.#store = store;
    this.#recordKey = recordKey;
    this.#context = context;
  }

  /** The record that was last written or found to be this replicator's. */
  get known(): Known | undefined {
    return this.#known;
  }

  know(known: Known): void {
    this.#known = known;
  }

  require(): Known {
    if (this.#known === undefined) throw new StoreError('internal', 'the record was not taken yet');
    return this.#known;
  }

  /** Whether this replicator has the record. */
  isOwn({ record }: Known): boolean {
    return record.writer === this.#context.identity.writer;
  }

  async find(): Promise<Known | undefined> {
    const { signal, identity } = this.#context;
    const item = await this.retry(() => this.#store.get(this.#recordKey, { signal }));
    if (item === undefined) return undefined;
    return { revision: item.modRevision, record: parseRecord(item.key, item.value, identity) };
  }

  /** @throws StoreError `conflict` if the record is another's by now, or gone */
  async findOwn(): Promise<Known> {
    const found = await this.find();
    if (found !== undefined && this.isOwn(found)) return found;
    throw this.lost(found);
  }

  lost(found: Known | undefined): StoreError {
    return found === undefined ? recordGone(this.#recordKey) : takenOver(this.#recordKey, found.record);
  }

  async retry<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        const result = await work();
        this.#context.answered();
        return result;
      } catch (error) {
        await this.#context.failed(error);
      }
    }
  }
}
