import {
  isStoreError,
  type Bookmark,
  type ConfigStore,
  type Range,
  type StoreError,
  type Watch,
  type WatchBatch,
  type WatchOptions,
  type WatchState,
} from '@holdfast/store';
import { decodeUtf8 } from '@holdfast/store/adapter';
import { eventually, startEtcd, startProxy, type Etcd, type Proxy, type StartEtcdOptions } from '@holdfast/testkit';
import { etcdV3Store, type EtcdV3Options } from '../src/index.js';

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

/** A consumer that keeps up, and checks what C10 promises. */
export class Follower {
  readonly watch: Watch;
  readonly batches: WatchBatch[] = [];
  readonly states: WatchState[] = [];
  readonly entries = new Map<string, string>();
  error: StoreError | undefined;
  #over = false;
  #held: Promise<void> | undefined;
  #release: (() => void) | undefined;

  constructor(watch: Watch) {
    this.watch = watch;
    watch.onState((state) => this.states.push(state));
    void this.#consume();
  }

  /** Waits for the end of the iteration, with or without an error. */
  async ended(): Promise<void> {
    await eventually(() => this.#over, { timeoutMs: 20_000 });
  }

  /** Takes nothing more until `release`. */
  hold(): void {
    this.#held = new Promise((resolve) => (this.#release = resolve));
  }

  release(): void {
    this.#release?.();
    this.#held = undefined;
  }

  get revisions(): number[] {
    return this.batches.filter(({ kind }) => kind === 'events').map(({ bookmark }) => bookmark.revision);
  }

  get bookmark(): Bookmark | undefined {
    return this.batches.at(-1)?.bookmark;
  }

  get interruptions(): number {
    return this.states.filter(({ status }) => status === 'interrupted').length;
  }

  get keys(): string[] {
    return this.batches.flatMap(({ events }) =>
      events.map((event) => (event.type === 'put' ? event.current.key : 'key' in event ? event.key : '?')),
    );
  }

  /** Ordered, unique, atomic: whatever happened. */
  check(): void {
    let last = 0;
    for (const { kind, bookmark, events } of this.batches) {
      const ordered = kind === 'events' ? bookmark.revision > last : bookmark.revision >= last;
      if (!ordered) throw new Error(`a batch at revision ${bookmark.revision} came after one at ${last}`);
      last = bookmark.revision;
      const stray = events.find((event) => event.revision !== bookmark.revision);
      if (stray !== undefined) throw new Error(`an event of ${stray.revision} is in a batch at ${bookmark.revision}`);
    }
  }

  /** Until this watch's own picture equals what the store holds. */
  async equals(truth: () => Promise<Map<string, string>>, timeoutMs = 20_000): Promise<void> {
    await eventually(
      async () => {
        if (this.error !== undefined) throw this.error;
        const [expected, actual] = [await truth(), this.entries];
        const wrong = [...expected].find(([key, value]) => actual.get(key) !== value);
        if (wrong !== undefined) throw new Error(`${wrong[0]} is ${actual.get(wrong[0])} instead of ${wrong[1]}`);
        if (actual.size !== expected.size) throw new Error(`${actual.size} entries instead of ${expected.size}`);
      },
      { timeoutMs },
    );
  }

  async #consume(): Promise<void> {
    try {
      for await (const batch of this.watch) {
        await this.#held;
        this.batches.push(batch);
        for (const event of batch.events) {
          if (event.type === 'put') this.entries.set(event.current.key, decodeUtf8(event.current.value) ?? '?');
          else if (event.type === 'delete') this.entries.delete(event.key);
        }
      }
    } catch (error) {
      if (!isStoreError(error)) throw error;
      this.error = error;
    }
    this.#over = true;
  }
}
