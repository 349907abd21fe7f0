import type { EtcdV3Store } from '@holdfast/etcd-v3';
import type { ReadCosts } from '../costs/costs.js';
import { type CpuMeter, medianSpent, type Spent } from './cpu.js';
import { PREFIX, REPEATS } from './sizes.js';

/** As many calls at a time as make the server combine its rounds of consensus, as it does for a fleet. */
const AT_ONCE = 16;

export interface MeasuredReads {
  readonly costs: ReadCosts;
  readonly deltaItem: number;
  readonly abortedPart: number;
  readonly clientCall: number;
}

/** Measures what reads of a range with so many keys cost. The last write of `changed` keys must be at the head. */
export async function measureReads(
  store: EtcdV3Store,
  meter: CpuMeter,
  { keys, changed, changedSince }: { readonly keys: number; readonly changed: number; readonly changedSince: number },
): Promise<MeasuredReads> {
  const { revision } = (await store.list(PREFIX, { countOnly: true })).bookmark;
  // Large reads are fewer, so that a size takes no longer than the other.
  const few = Math.max(4, Math.round(400_000 / keys));
  const past = { revision: revision - 1 };
  const newest = { limit: 1, sort: { target: 'modRevision', order: 'descend' } } as const;
  const each = (calls: number, call: () => Promise<unknown>) => costOf(meter, calls, call);
  const key = await each(2_000, () => store.list({ key: PREFIX.prefix }, { countOnly: true }));
  const count = await each(10 * few, () => store.list(PREFIX, { countOnly: true }));
  const first = await each(10 * few, () => store.list(PREFIX, { limit: 1 }));
  const newestAtHead = await each(2 * few, () => store.list(PREFIX, newest));
  const newestAtRevision = await each(2 * few, () => store.list(PREFIX, { ...newest, ...past }));
  const delta = await each(2 * few, () => store.list(PREFIX, { minModRevision: revision + 1 }));
  const changes = await each(few, () => store.list(PREFIX, { minModRevision: changedSince }));
  const scan = await each(few, () => drain(store.scan(PREFIX)));
  const scanKeys = await each(few, () => drain(store.scan(PREFIX, { keysOnly: true })));
  const aborted = await each(2 * few, () =>
    store.list(PREFIX, { ...newest, timeoutMs: 2 }).then(
      () => undefined,
      () => undefined,
    ),
  );
  return {
    costs: {
      keys,
      key: key.serverMs,
      count: count.serverMs,
      newest: newestAtHead.serverMs,
      newestAtRevision: newestAtRevision.serverMs,
      delta: delta.serverMs,
      first: first.serverMs,
      scan: scan.serverMs,
      scanKeys: scanKeys.serverMs,
    },
    deltaItem: (changes.serverMs - delta.serverMs) / changed,
    abortedPart: Math.min(1, aborted.serverMs / newestAtHead.serverMs),
    clientCall: key.clientMs,
  };
}

async function costOf(meter: CpuMeter, calls: number, call: () => Promise<unknown>): Promise<Spent> {
  // The first calls warm the server's caches, and this process.
  await call();
  const rounds: Spent[] = [];
  for (let round = 0; round < REPEATS; round += 1) {
    const { serverMs, clientMs } = await meter.spentOn(() => inParallel(calls, call));
    rounds.push({ serverMs: serverMs / calls, clientMs: clientMs / calls });
  }
  return medianSpent(rounds);
}

async function inParallel(calls: number, call: () => Promise<unknown>): Promise<void> {
  let begun = 0;
  const worker = async (): Promise<void> => {
    while (begun < calls) {
      begun += 1;
      await call();
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, calls) }, worker));
}

async function drain(pages: AsyncIterable<unknown>): Promise<void> {
  for await (const page of pages) void page;
}
