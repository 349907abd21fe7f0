import type { Bookmark, ConfigStore, Range, WatchOptions } from '@holdfast/store';
import { decodeUtf8 } from '@holdfast/store/adapter';
import { eventually, startEtcd, startProxy, type Etcd, type Proxy, type StartEtcdOptions } from '@holdfast/testkit';
import { etcdV3Store, type EtcdV3Options } from '../src/index.js';
import { Follower } from '../../etcd-common/test/support/follower.js';

export { Follower };

export interface WorldOptions extends StartEtcdOptions {
  readonly store?: Partial<EtcdV3Options>;
}

/** A real etcd behind a proxy, a store on the proxy, and one that goes around it. */
export interface World extends AsyncDisposable {
  readonly etcd: Etcd;
  readonly proxy: Proxy;
  /** Through the proxy. */
  readonly store: ConfigStore;
  /** Around it: what others do to the cluster meanwhile. */
  readonly writer: ConfigStore;
  readonly follow: (range: Range, options?: WatchOptions) => Follower;
  /** Writes that many revisions of one key each, `${prefix}0` and on. */
  readonly burst: (count: number, prefix: string, value?: string) => Promise<void>;
  /** The same keys, a hundred at one revision: for what nobody follows write by write. It takes a fraction of the time. */
  readonly fill: (count: number, prefix: string) => Promise<void>;
  /** The server's own count of watches, in all streams. */
  readonly watchers: () => Promise<number>;
  readonly streams: () => Promise<number>;
  /** What a prefix holds, read around the proxy. */
  readonly truth: (prefix: string) => Promise<Map<string, string>>;
  readonly bookmark: () => Promise<Bookmark>;
}

/** Every test ends by this: nothing is left at the server (docs/traps.md#trap-15). */
export async function withWorld(options: WorldOptions, run: (world: World) => Promise<void>): Promise<void> {
  const { store: storeOptions, ...etcdOptions } = options;
  const etcd = await startEtcd(etcdOptions);
  const proxy = await startProxy(etcd.endpoints[0]!);
  const store = etcdV3Store({ endpoints: [proxy.endpoint], ...storeOptions });
  const writer = etcdV3Store({ endpoints: etcd.endpoints });
  const followers: Follower[] = [];
  const watchers = () => etcd.metric('etcd_debugging_mvcc_watcher_total');
  const world: World = {
    etcd,
    proxy,
    store,
    writer,
    follow: (range, watchOptions) => {
      const follower = new Follower(store.watch(range, watchOptions));
      followers.push(follower);
      return follower;
    },
    burst: async (count, prefix, value = 'v') => {
      for (let from = 0; from < count; from += 200) {
        const keys = Array.from({ length: Math.min(200, count - from) }, (_, i) => `${prefix}${from + i}`);
        await Promise.all(keys.map((key) => writer.put(key, value)));
      }
    },
    fill: async (count, prefix) => {
      for (let from = 0; from < count; from += 100) {
        const keys = Array.from({ length: Math.min(100, count - from) }, (_, i) => `${prefix}${from + i}`);
        await writer.txn({ then: keys.map((key) => ({ type: 'put', key, value: 'v' })) });
      }
    },
    watchers,
    streams: () => etcd.metric('etcd_debugging_mvcc_watch_stream_total'),
    truth: async (prefix) => {
      const { items } = await writer.list({ prefix });
      return new Map(items.map(({ key, value }) => [key, decodeUtf8(value) ?? '?']));
    },
    bookmark: async () => (await writer.list('nothing')).bookmark,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([store.close(), writer.close()]);
      await proxy.close();
      await etcd.close();
    },
  };
  try {
    await run(world);
    for (const follower of followers) follower.check();
    await store.close();
    await eventually(async () => {
      const [left, streams] = [await watchers(), await world.streams()];
      if (left + streams > 0) throw new Error(`${left} watches and ${streams} streams are left at the server`);
    });
  } finally {
    await world[Symbol.asyncDispose]();
  }
}
