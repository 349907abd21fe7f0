import type { MemoryStore } from '@holdfast/memory';
import { type ConfigStore, isStoreError, type Op } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';
import { type Plan, PREFIX, SPARED, type Write } from '../plans/plan.js';
import { goodText, invalidText, unreadableText } from '../plans/values.js';

export interface WriterOptions {
  readonly data: MemoryStore;
  readonly backend: Plan['backend'];
  readonly trace: ((line: string) => void) | undefined;
  readonly violated: (guarantee: string, message: string) => void;
}

/** Makes a world's writes. Every value is new. */
export class Writer {
  readonly #options: WriterOptions;
  readonly #deleted = new Map<number, KeyRange>();
  #written = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** The requested range of the deletion at a revision, for backends that report it instead of the keys. */
  deletedRange(revision: number): KeyRange | undefined {
    return this.#deleted.get(revision);
  }

  /** Another history begins. */
  forget(): void {
    this.#deleted.clear();
  }

  async write(store: ConfigStore, write: Write): Promise<void> {
    const { trace, violated } = this.#options;
    try {
      const { revision } = await this.#write(store, write);
      trace?.(`written as ${revision}: ${JSON.stringify(write)}`);
    } catch (error) {
      trace?.(`not written: ${JSON.stringify(write)}: ${String(error)}`);
      if (!isStoreError(error) || error.outcome === undefined)
        violated('outcome', `${JSON.stringify(write)} failed without an outcome: ${String(error)}`);
    }
  }

  async #write(store: ConfigStore, write: Write): Promise<{ readonly revision: number }> {
    const { data, backend } = this.#options;
    const n = (this.#written += 1);
    switch (write.kind) {
      case 'put': {
        const text = { good: goodText, unreadable: unreadableText, invalid: invalidText }[write.value](n);
        return store.put(write.key, text, write.ttl === undefined ? {} : { ttl: write.ttl });
      }
      case 'delete':
        return store.delete(write.key);
      case 'delete-prefix': {
        const range = { start: write.prefix, end: `${write.prefix}${SPARED}` };
        // At the server, so that the revision is known before any client hears of it.
        if (backend === 'v2') return this.#deleteDirectory(range);
        return store.delete(range);
      }
      case 'txn': {
        const puts = write.puts.map((key): Op => ({ type: 'put', key, value: goodText(n) }));
        const deletes = write.deletes.map((key): Op => ({ type: 'delete', range: { key } }));
        if (backend === 'v2') return data.txn({ then: [...puts, ...deletes] });
        return store.txn({ then: [...puts, ...deletes] });
      }
      case 'guarded':
        await store.put(write.key, goodText(n), write.guard === 'absent' ? { ifAbsent: true } : { ifPresent: true });
        return { revision: 0 };
      case 'raw':
        return {
          revision: data.injectRaw(Buffer.concat([Buffer.from(`${PREFIX}routes/`), Buffer.from([write.byte])]), 'raw'),
        };
    }
  }

  async #deleteDirectory(range: { readonly start: string; readonly end: string }): Promise<{ revision: number }> {
    const result = await this.#options.data.delete(range);
    if (result.deleted !== 0) this.#deleted.set(result.revision, KeyRange.from(range));
    return result;
  }
}
