import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lmdbStore } from '@holdfast/lmdb';
import { toRevision, type ConfigStore, type Logger, type WatchEvent } from '@holdfast/store';
import type { HeldEntry, Outside } from '../outside.js';
import { HistoryGone, keyValue, type TruthSource } from '../truth-source.js';
import { Remote } from './remote.js';
import type { StoreCell } from './store-cell.js';
import type { DirectStore, StorePlace } from './store-world.js';

const LOOK_EVERY_MS = 15;
const FOLLOWED = '/t';
/** Room for all writers of a world, with its history. */
const QUOTA_BYTES = 128 * 1024 * 1024;

interface RawEntry extends HeldEntry {
  readonly key: string;
}

interface RawChanges {
  readonly compacted: number;
  readonly changes: readonly { readonly revision: number; readonly key: string; readonly entry?: RawEntry }[];
}

/** A folder, with three processes in it: this one has the store under test, one writes, and one reads the file without Holdfast. */
export class LmdbPlace implements StorePlace {
  readonly proxies = [{ endpoint: 'the folder' }];
  readonly store: ConfigStore;
  readonly direct: DirectStore;
  readonly writer: Remote;
  readonly outside: Outside;
  readonly source: TruthSource;
  readonly #above: string;
  readonly #reader: Remote;

  static async start(cell: StoreCell, logger?: Logger): Promise<LmdbPlace> {
    const sync = cell.endsWith('/batched') ? 'batched' : 'always';
    // Where flushes cost nothing, if there is such a place.
    const above = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'holdfast-torture-'));
    const store = lmdbStore({
      path: join(above, 'data'),
      sync,
      quotaBytes: QUOTA_BYTES,
      pollMs: 200,
      ...(logger && { logger }),
    });
    // The reader opens what is there.
    await store.status();
    return new LmdbPlace(above, sync, store);
  }

  private constructor(above: string, sync: string, store: ConfigStore) {
    this.#above = above;
    this.store = store;
    this.writer = new Remote('lmdb-writer', [this.path, sync, String(QUOTA_BYTES)]);
    this.#reader = new Remote('lmdb-outside', [this.path]);
    this.direct = directOf(this.writer, store);
    this.outside = outsideOf(this.#reader);
    this.source = sourceOf(this.#reader);
  }

  get path(): string {
    return join(this.#above, 'data');
  }

  endpoints(): readonly string[] {
    return ['the folder'];
  }

  takeAway(): void {
    renameSync(this.path, `${this.path}.away`);
  }

  putBack(): void {
    renameSync(`${this.path}.away`, this.path);
  }

  async close(): Promise<void> {
    await Promise.all([this.store.close(), this.writer.close(), this.#reader.close()]);
    rmSync(this.#above, { recursive: true, force: true });
  }
}

/** The store of the other process. */
function directOf(writer: Remote, { capabilities }: ConfigStore): DirectStore {
  const method =
    (name: string) =>
    (...args: readonly unknown[]) =>
      writer.call(name, ...args);
  const names = ['get', 'put', 'delete', 'txn', 'list', 'status', 'compact'];
  return { capabilities, ...Object.fromEntries(names.map((name) => [name, method(name)])) } as DirectStore;
}

function outsideOf(reader: Remote): Outside {
  return {
    held: async (prefix) => {
      const { revision, items } = await reader.call<{ revision: number; items: readonly RawEntry[] }>('held', prefix);
      return { revision, entries: new Map(items.map((item) => [item.key, item])) };
    },
    // Nobody else knows of the watches of a process.
    watchers: () => Promise.resolve(0),
  };
}

function sourceOf(reader: Remote): TruthSource {
  return {
    async *follow(_endpoint, after, signal) {
      let last = after;
      while (!signal.aborted) {
        const { compacted, changes } = await reader.call<RawChanges>('changes', last, FOLLOWED);
        if (compacted > last && changes[0]?.revision !== last + 1) throw new HistoryGone(`compacted at ${compacted}`);
        yield changes.map(({ revision: at, key, entry }): WatchEvent => {
          const revision = toRevision(at);
          if (entry === undefined) return { type: 'delete', revision, key };
          const isCreate = entry.createRevision === entry.modRevision;
          return { type: 'put', revision, current: keyValue(key, entry), isCreate };
        });
        last = changes.at(-1)?.revision ?? last;
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      }
    },
    mark: () => reader.call<number>('last', FOLLOWED),
  };
}
