import { mirror, text } from '@holdfast/core';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { memoryStore } from '@holdfast/memory';
import type { ConfigStore, Watch } from '@holdfast/store';
import { handles, heapUsed } from './heap.js';

export interface CyclesInput {
  readonly backend: 'memory' | 'etcd-v3' | 'etcd-v2';
  readonly endpoints: readonly string[];
  /** By how many bytes the heap may differ. A sample is taken again for a while if it is a good part of that above an earlier one. */
  readonly most: number;
}

/** What was there after each fifth of the cycles, once nothing that they opened was open any more. */
export interface CyclesResult {
  /** What was reachable, in bytes. */
  readonly heap: readonly number[];
  /** Kinds of what kept the process alive. */
  readonly handles: readonly (readonly string[])[];
}

/** How often each is opened and closed. */
export const CYCLES = { store: 1_000, mirror: 250, watch: 1_000, lease: 250 };
export type Kind = keyof typeof CYCLES;
export const KINDS = Object.keys(CYCLES) as readonly Kind[];
export const SAMPLES = 5;
/** So many at a time: on etcd v3 the first event of a watch takes a tick of the server's. */
const LANES = 50;

export const OPEN = {
  memory: () => memoryStore(),
  'etcd-v3': (endpoints: readonly string[]) => etcdV3Store({ endpoints }),
  'etcd-v2': (endpoints: readonly string[]) => etcdV2Store({ endpoints }),
} satisfies Record<CyclesInput['backend'], (endpoints: readonly string[]) => ConfigStore>;

/** Writes once, and reads the watch until that has come, however it comes. */
async function useWatch(store: ConfigStore, watch: Watch, key: string): Promise<void> {
  await watch.ready;
  await store.put(key, 'x');
  for await (const { events } of watch) if (events.length > 0) break;
}

/** Opens something, does with it all that an application does, and closes it. */
const CYCLE = {
  store: async (_shared, open, key) => {
    const store = open();
    await useWatch(store, store.watch({ key }), key);
    await store.close();
  },
  mirror: async (shared, _open, key) => {
    const mirrored = await mirror(shared, { key, codec: text() });
    const { revision } = await shared.put(key, 'x');
    await mirrored.waitFor(revision);
    await mirrored.close();
  },
  watch: async (shared, _open, key) => {
    const { signal } = new AbortController();
    await useWatch(shared, shared.watch({ key }, { signal }), key);
  },
  lease: async ({ leases }) => {
    const { id } = await leases.grant(60);
    await leases.keepAlive(id);
    await leases.revoke(id);
  },
} satisfies Record<Kind, (shared: ConfigStore, open: () => ConfigStore, key: string) => Promise<void>>;

export async function run({ backend, endpoints, most }: CyclesInput): Promise<Record<string, CyclesResult>> {
  const open = (): ConfigStore => OPEN[backend](endpoints);
  const results: Record<string, CyclesResult> = {};
  for (const kind of KINDS) {
    const shared = open();
    if (kind === 'lease' && !shared.capabilities.leases) continue;
    const heap: number[] = [];
    const seen: string[][] = [];
    for (let done = LANES; done <= CYCLES[kind]; done += LANES) {
      await Promise.all(Array.from({ length: LANES }, (_, lane) => CYCLE[kind](shared, open, `/cycle/${lane}`)));
      // History is what a memory store keeps: without this it would grow by an entry a cycle.
      if (backend === 'memory' && (kind === 'mirror' || kind === 'watch')) {
        await shared.compact((await shared.list({ key: '/' })).bookmark.revision);
      }
      if (done % (CYCLES[kind] / SAMPLES) === 0) {
        // The first sample is before much of the code was used at all.
        heap.push(await heapUsed(Math.min(...heap.slice(1)) + most / 4));
        seen.push(handles());
      }
    }
    await shared.close();
    results[kind] = { heap, handles: seen };
  }
  return results;
}
