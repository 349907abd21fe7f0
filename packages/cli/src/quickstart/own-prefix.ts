import { randomBytes } from 'node:crypto';
import { isStoreError, type ConfigStore } from '@holdfast/store';
import type { ConfigEntry } from './config-entry.js';

// Within etcd's limits of 128 operations and 1.5 MiB for each request.
const BATCH_OPERATIONS = 100;
const BATCH_CHARACTERS = 256 * 1024;

/** The quickstart's own part of a store that others use too. Nothing outside is written, and all of it is removed at the end. */
export class OwnPrefix {
  readonly path = `/holdfast-quickstart/${randomBytes(4).toString('hex')}`;
  readonly #store: ConfigStore;

  constructor(store: ConfigStore) {
    this.#store = store;
  }

  /** The key in the store for a key of the configuration. */
  key(key: string): string {
    return this.path + key;
  }

  /** Writes the entries in order, in transactions if the store has them. */
  async fill(entries: readonly ConfigEntry[]): Promise<void> {
    for (const batch of batches(
      entries,
      this.#store.capabilities.transactions === 'multi-key' ? BATCH_OPERATIONS : 1,
    )) {
      const [first] = batch;
      if (batch.length === 1 && first !== undefined) await this.#store.put(this.key(first.key), first.value);
      else await this.#store.txn({ then: batch.map(({ key, value }) => ({ type: 'put', key: this.key(key), value })) });
    }
  }

  /** Whether the store holds anything else. Without permission to look, the answer is yes. */
  async hasNeighbours(): Promise<boolean> {
    try {
      const all = await this.#store.list({ prefix: '' }, { countOnly: true });
      const own = await this.#store.list({ prefix: `${this.path}/` }, { countOnly: true });
      return all.count > own.count;
    } catch (error) {
      if (isStoreError(error, 'permission-denied')) return true;
      throw error;
    }
  }

  /** Removes everything. Gives the number of removed keys, if the store counts. */
  async remove(): Promise<number | undefined> {
    const { deleted } = await this.#store.delete({ prefix: `${this.path}/` });
    return deleted;
  }
}

/** A transaction writes a key at most once, so a repeated key begins a new batch. */
function* batches(entries: readonly ConfigEntry[], operations: number): Generator<ConfigEntry[]> {
  let batch = new Map<string, ConfigEntry>();
  let size = 0;
  for (const entry of entries) {
    const grows = entry.key.length + entry.value.length;
    if (batch.has(entry.key) || batch.size >= operations || (batch.size > 0 && size + grows > BATCH_CHARACTERS)) {
      yield [...batch.values()];
      batch = new Map();
      size = 0;
    }
    batch.set(entry.key, entry);
    size += grows;
  }
  if (batch.size > 0) yield [...batch.values()];
}
