import { etcdV3Store } from '@holdfast/etcd-v3';
import { lmdbStore } from '@holdfast/lmdb';
import { memoryStore } from '@holdfast/memory';
import type { ConfigStore } from '@holdfast/store';
import { startEtcd, type Etcd } from '@holdfast/testkit';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Arena } from './arena.js';
import type { Kind } from './generate.js';
import { sameNumbers } from './names.js';
import { patientClock } from './patient-clock.js';
import { Side } from './side.js';
import { ANY_KEYS, keysUpTo } from './vocabulary.js';

/** What is compared with etcd: a store of full semantics, and how a key that is not UTF-8 gets into it. */
export interface Model {
  readonly name: string;
  readonly store: ConfigStore;
  /** Without it, neither store gets such keys. */
  readonly putRaw?: (key: Uint8Array, value: string) => void;
  /** Removes what the store has left. */
  readonly remove?: () => void;
}

function memoryModel(): Model {
  const store = memoryStore({ progressIntervalMs: 1 });
  return {
    name: '',
    store,
    putRaw: (key, value) => {
      store.injectRaw(key, value);
    },
  };
}

/** The embedded store that keeps its data, in a folder of its own. */
export function lmdbModel(): Model {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'holdfast-fuzz-'));
  return {
    name: ', against lmdb',
    store: lmdbStore({ path: join(folder, 'data'), progressMs: 1, pollMs: 100 }),
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** etcd's v3 API. Both stores count from the same revision, so that theirs are compared as they are. */
export class V3Arena implements Arena {
  readonly kind: Kind;
  readonly memory: ConfigStore;
  readonly oldest = 1;
  readonly #etcd: Etcd;
  readonly #remote: ConfigStore;

  readonly #model: Model;

  static async start(version: string, model: () => Model = memoryModel): Promise<V3Arena> {
    return new V3Arena(await startEtcd({ version, progressIntervalMs: 100 }), model());
  }

  private constructor(etcd: Etcd, model: Model) {
    this.#model = model;
    const { maxKeyBytes } = model.store.capabilities;
    this.kind = { vocabulary: maxKeyBytes === undefined ? ANY_KEYS : keysUpTo(maxKeyBytes), ofOneKey: 0.1 };
    this.#etcd = etcd;
    this.#remote = etcdV3Store({ endpoints: [...etcd.endpoints], clock: patientClock, watch: { progressMs: 100 } });
    this.memory = model.store;
  }

  get name(): string {
    return `etcd ${this.#etcd.version}${this.#model.name}`;
  }

  async begin(): Promise<{ readonly server: Side; readonly memory: Side }> {
    const both = [this.#remote, this.memory];
    for (const store of both) {
      for (const id of await store.leases.list()) await store.leases.revoke(id);
      await store.delete({ prefix: '' });
    }
    const heads = await Promise.all(both.map(async (store) => (await store.list({ prefix: '' })).bookmark.revision));
    const most = Math.max(...heads);
    for (const [index, store] of both.entries()) await advance(store, most - (heads[index] ?? 0));
    const head = await headOf(this.memory);
    for (const store of both) await store.compact(head);
    const { capabilities } = this.#remote;
    const [server, memory] = await Promise.all(
      both.map(async (store) => new Side(store, sameNumbers((await store.status()).identity), capabilities)),
    );
    if (server === undefined || memory === undefined) throw new Error('there are two sides');
    return { server, memory };
  }

  async stepped(): Promise<void> {
    // Nothing is to be noted: they count alike.
  }

  async putRaw(key: Uint8Array, value: string): Promise<void> {
    const { putRaw } = this.#model;
    if (putRaw === undefined) return;
    await this.#etcd.put(key, value);
    putRaw(key, value);
  }

  mayBeTooLarge(): boolean {
    return false;
  }

  mayBeUnsupported(): boolean {
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remote.close();
    await this.memory.close();
    this.#model.remove?.();
    await this.#etcd.close();
  }
}

/** Moves a store's head, by one at least, and leaves no key behind. */
async function advance(store: ConfigStore, revisions: number): Promise<void> {
  for (let i = 0; i <= revisions; i += 1) await store.put('advance', String(i));
  await store.delete('advance');
}

async function headOf(store: ConfigStore): Promise<number> {
  return (await store.status()).revision;
}
