import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lmdbStore } from '@holdfast/lmdb';
import { toRevision, type CallOptions, type ConfigStore, type Logger, type WatchEvent } from '@holdfast/store';
import { abortable } from '@holdfast/store/adapter';
import type { HeldEntry, Outside } from '../outside.js';
import { HistoryGone, keyValue, type TruthSource } from '../truth-source.js';
import { Remote } from './remote.js';
import type { StoreCell } from './store-cell.js';
import type { StorePlace } from './store-place.js';

const LOOK_EVERY_MS = 15;
/** Room for all writers of a world, with its history. */
const QUOTA_BYTES = 128 * 1024 * 1024;

interface RawEntry extends HeldEntry {
  readonly key: string;
}

interface RawHeld {
  readonly revision: number;
  readonly identity: string;
  readonly items: readonly RawEntry[];
}

interface RawChanges {
  readonly head: number;
  readonly compacted: number;
  readonly changes: readonly { readonly revision: number; readonly key: string; readonly entry?: RawEntry }[];
}

/** A folder, with three processes in it: this one has the store under test, one writes, and one reads the file without Holdfast. */
export class LmdbPlace implements StorePlace {
  readonly proxies = [{ endpoint: 'the folder' }];
  readonly store: ConfigStore;
  readonly direct: ConfigStore;
  readonly writer: Remote;
  readonly outside: Outside;
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
  }

  get path(): string {
    return join(this.#above, 'data');
  }

  source(above: string): TruthSource {
    return sourceOf(this.#reader, above);
  }

  async leases(): Promise<ReadonlySet<string>> {
    return new Set(await this.#reader.call<readonly string[]>('leases'));
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

/** The store of the other process. Its watches are made in this one. */
function directOf(writer: Remote, store: ConfigStore): ConfigStore {
  const methods = (names: readonly string[], group = '') =>
    Object.fromEntries(names.map((name) => [name, remote(writer, `${group}${name}`)]));
  const { name, capabilities } = store;
  return {
    name,
    capabilities,
    ...methods(['get', 'put', 'delete', 'txn', 'list', 'status', 'compact']),
    leases: methods(['grant', 'keepAlive', 'revoke'], 'leases.'),
    watch: (...args: Parameters<ConfigStore['watch']>) => store.watch(...args),
  } as unknown as ConfigStore;
}

/** A call that the other process makes. A signal ends the waiting here alone: what was asked for happens there. */
function remote(writer: Remote, name: string) {
  return (...args: readonly unknown[]): Promise<unknown> => {
    const options = args.find(isCallOptions);
    const sent = args.map((each) => (each === options ? { ...options, signal: undefined } : each));
    return abortable(writer.call(name, ...sent), options?.signal);
  };
}

function isCallOptions(argument: unknown): argument is CallOptions {
  return typeof argument === 'object' && argument !== null && 'signal' in argument;
}

function outsideOf(reader: Remote): Outside {
  return {
    held: async (prefix) => {
      const { revision, identity, items } = await reader.call<RawHeld>('held', prefix);
      return { revision, identity, entries: new Map(items.map((item) => [item.key, item])) };
    },
    // Nobody else knows of the watches of a process.
    watchers: () => Promise.resolve(0),
  };
}

function sourceOf(reader: Remote, above: string): TruthSource {
  return {
    async *follow(_endpoint, after, signal) {
      let last = after;
      while (!signal.aborted) {
        const { head, compacted, changes } = await reader.call<RawChanges>('changes', last, above);
        if (compacted > last) throw new HistoryGone(`compacted at ${compacted}`);
        yield changes.map(({ revision: at, key, entry }): WatchEvent => {
          const revision = toRevision(at);
          if (entry === undefined) return { type: 'delete', revision, key };
          const isCreate = entry.createRevision === entry.modRevision;
          return { type: 'put', revision, current: keyValue(key, entry), isCreate };
        });
        last = head;
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      }
    },
    mark: () => reader.call<number>('last', above),
  };
}
