import { mirror, text } from '@holdfast/core';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { memoryStore } from '@holdfast/memory';
import type { Clock, ConfigStore } from '@holdfast/store';
import { systemClock } from '@holdfast/store/adapter';
import { eventually, startProxy, type Proxy } from '@holdfast/testkit';

export interface ClocksInput {
  readonly backend: 'memory' | 'etcd-v3' | 'etcd-v2';
  /** Which clock is set: the process's own, or one that is handed in. */
  readonly how: 'Date.now' | 'clock';
  readonly endpoint: string;
  /** By how much the wall clock differs from the real one, one setting after the other, in milliseconds. */
  readonly offsetsMs: readonly number[];
}

export interface ClocksResult {
  /** The keys that the watch brought. */
  readonly seen: readonly string[];
  /** How far `asOf` was from the clock once the mirror was live again, in milliseconds: by each setting. */
  readonly asOfMs: readonly number[];
  /** How many timers were set a second after each setting. */
  readonly timers: readonly number[];
  /** The longest delay of any timer, in milliseconds. */
  readonly longestMs: number;
  readonly leaseKept: boolean;
}

/** A host whose wall clock is set forward and back by hours, under a watch, a mirror and a lease. */
export async function run({ backend, how, endpoint, offsetsMs }: ClocksInput): Promise<ClocksResult> {
  const realNow = Date.now.bind(Date);
  const realSetTimeout = globalThis.setTimeout;
  let offset = 0;
  let set = 0;
  let longestMs = 0;
  if (how === 'Date.now') Date.now = () => realNow() + offset;
  globalThis.setTimeout = Object.assign((...args: Parameters<typeof realSetTimeout>) => {
    set += 1;
    longestMs = Math.max(longestMs, args[1] ?? 0);
    return realSetTimeout(...args);
  }, realSetTimeout);
  const clock: Clock | undefined = how === 'clock' ? { ...systemClock, now: () => realNow() + offset } : undefined;
  const now = (): number => realNow() + offset;

  const proxy: Proxy | undefined = backend === 'memory' ? undefined : await startProxy(endpoint);
  const endpoints = [proxy?.endpoint ?? ''];
  const store: ConfigStore = {
    memory: () => memoryStore({ clock }),
    'etcd-v3': () =>
      etcdV3Store({ endpoints, clock, watch: { silenceMs: 1_000, progressMs: 300 }, retry: { maxMs: 500 } }),
    'etcd-v2': () => etcdV2Store({ endpoints, clock, retry: { maxMs: 500 } }),
  }[backend]();

  const prefix = `/clock/${how}/`;
  const seen: string[] = [];
  const watch = store.watch({ prefix });
  await watch.ready;
  const watching = (async () => {
    for await (const { events } of watch) {
      for (const event of events) if (event.type === 'put') seen.push(event.current.key);
    }
  })();
  const mirrored = await mirror(store, { prefix, codec: text(), livenessMs: 2_000, clock });
  const lease = store.capabilities.leases ? await store.leases.grant(600) : undefined;
  const asOfMs: number[] = [];
  const timers: number[] = [];
  const follows = async (key: string): Promise<void> => {
    await store.put(`${prefix}${key}`, key);
    await mirrored.sync({ timeoutMs: 20_000 });
    await eventually(
      () => {
        if (mirrored.get(key) === undefined) throw new Error(`the mirror does not have ${key}`);
        if (mirrored.state.status !== 'live') throw new Error(`the mirror is ${mirrored.state.status}`);
        if (seen.at(-1) !== `${prefix}${key}`) throw new Error(`the watch did not bring ${key}: ${watch.state.status}`);
      },
      { timeoutMs: 20_000 },
    );
  };

  await follows('before');
  longestMs = 0;
  for (const [n, to] of offsetsMs.entries()) {
    offset = to;
    const since = performance.now();
    const begun = set;
    await follows(`set-${n}`);
    asOfMs.push(now() - mirrored.asOf);
    await new Promise((resolve) => realSetTimeout(resolve, Math.max(0, 1_000 - (performance.now() - since))));
    timers.push(((set - begun) / (performance.now() - since)) * 1_000);
    // Whatever waits for a better moment now waits by this clock.
    if (proxy === undefined) continue;
    proxy.refuse();
    proxy.cut();
    await eventually(() => watch.state.status === 'interrupted');
    // And is then set back to the right time, or to another wrong one.
    offset = -to;
    await proxy.allow();
    await follows(`cut-${n}`);
  }
  const leaseKept = lease === undefined || (await store.leases.timeToLive(lease.id)).ttl > 500;
  await mirrored.close();
  await watch.close();
  await watching;
  await store.close();
  await proxy?.close();
  return { seen, asOfMs, timers, longestMs, leaseKept };
}
