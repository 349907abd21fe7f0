import { etcdV3Store, type EtcdV3Store } from '@holdfast/etcd-v3';
import type { Bookmark, Watch } from '@holdfast/store';
import { setTimeout as delay } from 'node:timers/promises';
import { putMany, rewrite } from './content.js';
import { type CpuMeter, median } from './cpu.js';
import { KEYS_EACH, PREFIX, REPEATS, TRANSACTIONS } from './sizes.js';

const WATCHERS = 20;
const CONNECTIONS = 100;
const SMALL_WRITES = 200;
/** So that as many ask for progress as in a fleet of some thousands: a request on an idle server costs more. */
const PROGRESS_MS = 100;
const IDLE_MS = 5_000;
const EVENTS = TRANSACTIONS * KEYS_EACH;

export interface MeasuredWatches {
  readonly connect: number;
  readonly message: number;
  readonly event: number;
  readonly replayedEvent: number;
  readonly progress: number;
  readonly transaction: number;
  readonly put: number;
  readonly sync: number;
}

/** Measures what watches cost, each on a connection of its own. */
export async function measureWatches(
  store: EtcdV3Store,
  meter: CpuMeter,
  endpoint: string,
  keys: number,
): Promise<MeasuredWatches> {
  let version = 10;
  const write = () => rewrite(store, keys, TRANSACTIONS, (version += 1));
  const quiet: number[] = [];
  const took: number[] = [];
  for (let round = 0; round < REPEATS; round += 1) {
    const spent = await meter.spentOn(async () => {
      const since = performance.now();
      await write();
      took.push(performance.now() - since);
    });
    quiet.push(spent.serverMs);
  }
  const transactions = median(quiet);
  const small = () => writeOneByOne(store, (version += 1));
  const put = await measurePut(store, meter);
  const smallQuiet = put * SMALL_WRITES;

  const connect: number[] = [];
  const progress: number[] = [];
  const following: number[] = [];
  const messages: number[] = [];
  const replays: number[] = [];
  for (let round = 0; round < REPEATS; round += 1) {
    const { bookmark } = await store.list(PREFIX, { countOnly: true });
    const many = new Followers(endpoint, CONNECTIONS, bookmark);
    connect.push((await meter.spentOn(() => many.open())).serverMs / CONNECTIONS);
    await many.close();
    const asking = new Followers(endpoint, CONNECTIONS, bookmark, PROGRESS_MS);
    await asking.open();
    const asked = await meter.spentOn(() => delay(IDLE_MS));
    progress.push(asked.serverMs / ((CONNECTIONS * IDLE_MS) / PROGRESS_MS));
    await asking.close();
    const followers = new Followers(endpoint, WATCHERS, bookmark);
    await followers.open();
    const spent = await meter.spentOn(async () => followers.reach((await write()).last));
    following.push((spent.serverMs - transactions) / (WATCHERS * EVENTS));
    const spentOnSmall = await meter.spentOn(async () => {
      await small();
      await followers.reach((await store.list(PREFIX, { countOnly: true })).bookmark.revision);
    });
    messages.push((spentOnSmall.serverMs - smallQuiet) / (WATCHERS * SMALL_WRITES));
    await followers.close();
    // The same events once more, for one watcher at a time: each pays for a scan of its own.
    const head = (await store.list(PREFIX, { countOnly: true })).bookmark;
    const { last } = await write();
    const behind = await meter.spentOn(async () => {
      for (let each = 0; each < WATCHERS; each += 1) {
        const one = new Followers(endpoint, 1, head);
        await one.open();
        await one.reach(last);
        await one.close();
      }
    });
    replays.push(behind.serverMs / WATCHERS);
  }
  const message = Math.max(0, median(messages));
  const event = median(following) - message / KEYS_EACH;
  const connected = median(connect);
  return {
    connect: connected,
    message,
    event,
    replayedEvent: Math.max(0, (median(replays) - connected - message) / EVENTS - event),
    progress: Math.max(0, median(progress)),
    transaction: transactions / TRANSACTIONS,
    put,
    // The least, since it is the disk that counts and not who else uses the machine.
    sync: Math.max(0, (Math.min(...took) - transactions) / TRANSACTIONS),
  };
}

/** What a write of one key costs the server while nobody watches it. */
export async function measurePut(store: EtcdV3Store, meter: CpuMeter): Promise<number> {
  const costs: number[] = [];
  for (let round = 0; round < REPEATS; round += 1) {
    const { serverMs } = await meter.spentOn(() => writeOneByOne(store, 1_000 + round));
    costs.push(serverMs / SMALL_WRITES);
  }
  return median(costs);
}

async function writeOneByOne(store: EtcdV3Store, version: number): Promise<void> {
  for (let each = 0; each < SMALL_WRITES; each += 1) await putMany(store, [each], version);
}

/** Watchers with a store each. They drop what they get. */
class Followers {
  readonly #stores: readonly EtcdV3Store[];
  readonly #after: Bookmark;
  readonly #reached: number[] = [];
  #watches: readonly Watch[] = [];

  constructor(endpoint: string, count: number, after: Bookmark, progressMs?: number) {
    const options = { endpoints: [endpoint], watch: { progressMs } };
    this.#stores = Array.from({ length: count }, () => etcdV3Store(options));
    this.#after = after;
  }

  async open(): Promise<void> {
    this.#watches = this.#stores.map((store) => store.watch(PREFIX, { after: this.#after }));
    this.#watches.forEach((watch, index) => {
      this.#reached[index] = 0;
      void this.#follow(watch, index);
    });
    await Promise.all(this.#watches.map(({ ready }) => ready));
  }

  async reach(revision: number): Promise<void> {
    while (!this.#reached.every((reached) => reached >= revision)) await delay(5);
  }

  async close(): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.close()));
    await Promise.all(this.#stores.map((store) => store.close()));
  }

  async #follow(watch: Watch, index: number): Promise<void> {
    for await (const { bookmark } of watch) this.#reached[index] = bookmark.revision;
  }
}
