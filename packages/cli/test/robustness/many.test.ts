// Very many of something on one store: keys, and watches. A million keys are in reach where they need not be written to a disk first:
// on etcd filling alone would take minutes, so that 200,000 have to do there; `e2e-scale` has 100,000 of a gateway's real sizes.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { memoryStore } from '@holdfast/memory';
import type { Bookmark, ConfigStore, Watch } from '@holdfast/store';
import { eventually, startEtcd, type Etcd } from '@holdfast/testkit';
import { v2Outside, v3Outside } from '../faults/outside.js';
import { runInChild } from './child.js';
import type { ManyKeysInput, ManyKeysResult } from './programs/many-keys.js';

const PATIENCE = { timeoutMs: 240_000, intervalMs: 50 };

let etcd: Etcd;
beforeAll(async () => {
  etcd = await startEtcd({ version: '3.5', enableV2: true });
});
afterAll(() => etcd.close());

describe('many keys', () => {
  test.each<[backend: string, keys: number]>([
    ['memory', 1_000_000],
    ['etcd v3', 200_000],
  ])('on %s: %i of them are mirrored and watched, and the mirror is equal', async (backend, keys) => {
    const endpoint = backend === 'memory' ? undefined : etcd.endpoints[0];
    const nodeArgs = ['--max-old-space-size=6000'];
    const input: ManyKeysInput = { endpoint, keys };
    const result = await runInChild<ManyKeysResult>('many-keys', input, { nodeArgs });
    const { made } = result;
    expect(result).toEqual({ size: keys, made, watched: made, told: made, differences: 0, state: 'live' });
  });
});

/** Watches of one key each, and what they were told. */
class Watches {
  readonly told: number[];
  readonly #watches: readonly Watch[];
  #ended: unknown;

  static async open(store: ConfigStore, count: number, key: (n: number) => string): Promise<Watches> {
    const { bookmark } = await store.list({ prefix: key(0) });
    const watches = new Watches(store, count, key, bookmark);
    await Promise.all(watches.#watches.map(({ ready }) => ready));
    return watches;
  }

  private constructor(store: ConfigStore, count: number, key: (n: number) => string, after: Bookmark) {
    this.told = Array.from({ length: count }, () => 0);
    this.#watches = this.told.map((_, n) => store.watch({ key: key(n) }, { after }));
    for (const [n, watch] of this.#watches.entries()) {
      // A watch that ends too early has not told all that is waited for.
      this.#follow(watch, n, key(n)).catch((error: unknown) => (this.#ended = error));
    }
  }

  /** Waits until each was told as often as this. Only the last look is put in words: the difference of 10,000 numbers takes seconds. */
  async haveTold(expected: readonly number[]): Promise<void> {
    const isAll = (): boolean => this.told.every((times, n) => times === expected[n]);
    await eventually(isAll, PATIENCE).catch(() => undefined);
    expect(this.#ended).toBeUndefined();
    expect(this.told).toEqual(expected);
  }

  async close(): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.close()));
  }

  async #follow(watch: Watch, n: number, key: string): Promise<void> {
    for await (const { events } of watch) {
      for (const event of events) {
        if (event.type !== 'put' || event.current.key !== key) throw new Error(`watch ${n} was told of something else`);
        this.told[n]! += 1;
      }
    }
  }
}

describe('many watches', () => {
  const key = (n: number): string => `/watched/${n}`;

  /** Writes each key once, many in one transaction where that is possible, and a few of them twice: how often each is told of. */
  async function writeAll(writer: ConfigStore, count: number): Promise<number[]> {
    const size = writer.capabilities.transactions === 'multi-key' ? 100 : 1;
    const lanes = Array.from({ length: 20 }, async (_, lane) => {
      for (let from = lane * size; from < count; from += 20 * size) {
        await writer.txn({
          then: Array.from({ length: size }, (__, n) => ({ type: 'put', key: key(from + n), value: '1' })),
        });
      }
    });
    await Promise.all(lanes);
    for (let n = 0; n < count; n += count / 10) await writer.put(key(n), '2');
    return Array.from({ length: count }, (_, n) => (n % (count / 10) === 0 ? 2 : 1));
  }

  test('10,000 on one store of etcd v3: one stream, each is told of its own, and none is left', async () => {
    const outside = v3Outside(etcd);
    const { endpoints } = etcd;
    await using store = etcdV3Store({ endpoints });
    await using writer = etcdV3Store({ endpoints });
    const watches = await Watches.open(store, 10_000, key);
    await eventually(async () => expect(await outside.watchers()).toBe(10_000), PATIENCE);
    expect(await etcd.metric('etcd_debugging_mvcc_watch_stream_total')).toBe(1);
    const expected = await writeAll(writer, 10_000);
    await watches.haveTold(expected);
    await watches.close();
    await eventually(async () => expect(await outside.watchers()).toBe(0), PATIENCE);
  });

  // Each is a request that waits on a connection of its own, here and at the server: a thousand are as many as file descriptors
  // commonly allow. Who needs more watches one directory, and sorts out.
  test('500 on one store of etcd v2: each is told of its own, and none is left', async () => {
    const outside = v2Outside(etcd);
    const { endpoints } = etcd;
    await using store = etcdV2Store({ endpoints });
    await using writer = etcdV2Store({ endpoints });
    const watches = await Watches.open(store, 500, key);
    await eventually(async () => expect(await outside.watchers()).toBe(500), PATIENCE);
    const expected = await writeAll(writer, 500);
    await watches.haveTold(expected);
    await watches.close();
    await eventually(async () => expect(await outside.watchers()).toBe(0), PATIENCE);
  });

  test('10,000 on one memory store: each is told of its own, and none is left', async () => {
    await using store = memoryStore();
    const watches = await Watches.open(store, 10_000, key);
    expect(store.watcherCount).toBe(10_000);
    const expected = await writeAll(store, 10_000);
    await watches.haveTold(expected);
    await watches.close();
    expect(store.watcherCount).toBe(0);
  });
});
