import { etcdV3Store } from '@holdfast/etcd-v3';
import { memoryStore, type MemoryStore } from '@holdfast/memory';
import type { ConfigStore } from '@holdfast/store';
import { startEtcd, type Etcd } from '@holdfast/testkit';
import type { Arena } from './arena.js';
import { sameNumbers } from './names.js';
import { Side } from './side.js';
import { ANY_KEYS } from './vocabulary.js';

/** etcd's v3 API. Both stores count from the same revision, so that theirs are compared as they are. */
export class V3Arena implements Arena {
  readonly kind = { vocabulary: ANY_KEYS, ofOneKey: 0.1 };
  readonly memory: MemoryStore;
  readonly oldest = 1;
  readonly #etcd: Etcd;
  readonly #remote: ConfigStore;

  static async start(version: string): Promise<V3Arena> {
    return new V3Arena(await startEtcd({ version, progressIntervalMs: 100 }));
  }

  private constructor(etcd: Etcd) {
    this.#etcd = etcd;
    this.#remote = etcdV3Store({ endpoints: [...etcd.endpoints], watch: { progressMs: 100 } });
    this.memory = memoryStore({ progressIntervalMs: 1 });
  }

  get name(): string {
    return `etcd ${this.#etcd.version}`;
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
    await this.#etcd.put(key, value);
    this.memory.injectRaw(key, value);
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
