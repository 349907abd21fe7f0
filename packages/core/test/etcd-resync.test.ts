// What a resync costs on the wire, on real servers: bytes are counted by a proxy.
import { etcdV3Store } from '@holdfast/etcd-v3';
import type { ConfigStore, Op } from '@holdfast/store';
import { findEtcd, type Etcd, eventually, startEtcd, startProxy } from '@holdfast/testkit';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { json, mirror } from '../src/index.js';

const PREFIX = '/m/';
const KEYS = 3_000;
const PATIENCE = { timeoutMs: 60_000, intervalMs: 20 };

const keyOf = (index: number) => `k${String(index).padStart(4, '0')}`;
const valueOf = (index: number, round: number) => JSON.stringify({ index, round, text: 'x'.repeat(500) });

async function write(store: ConfigStore, indexes: readonly number[], round: number): Promise<void> {
  for (let from = 0; from < indexes.length; from += 100) {
    const puts = indexes
      .slice(from, from + 100)
      .map((index): Op => ({ type: 'put', key: PREFIX + keyOf(index), value: valueOf(index, round) }));
    await store.txn({ then: puts });
  }
}

describe.each([findEtcd({})])('a resync on etcd $version', ({ version }) => {
  let etcd: Etcd;
  let writer: ConfigStore;
  beforeAll(async () => {
    etcd = await startEtcd({ version });
    writer = etcdV3Store({ endpoints: etcd.endpoints });
    await write(writer, [...Array(KEYS).keys()], 0);
  });
  afterAll(async () => {
    await writer.close();
    await etcd.close();
  });

  test.each([
    ['eager', 1],
    ['lazy', 2],
  ] as const)('after a compaction transfers what changed, not what there is: %s', async (decode, round) => {
    await using proxy = await startProxy(etcd.endpoints[0]!);
    await using store = etcdV3Store({ endpoints: [proxy.endpoint] });
    const before = proxy.bytesToClient;
    await using mirrored = await mirror(store, { prefix: PREFIX, codec: json<{ round: number }>(), decode });
    const loadBytes = proxy.bytesToClient - before;
    expect(loadBytes).toBeGreaterThan(KEYS * 500);
    // So that the watch is established, and nothing of the load is still on its way.
    await mirrored.sync({ timeoutMs: PATIENCE.timeoutMs });
    const entries = new Map(mirrored);
    const events: { readonly cause: string; readonly keys: readonly (string | undefined)[] }[] = [];
    const resyncs: string[] = [];
    mirrored.on('change', ({ cause, changes }) => events.push({ cause, keys: changes.map(({ key }) => key).sort() }));
    mirrored.on('resync', ({ reason }) => resyncs.push(reason));

    proxy.refuse();
    proxy.cut();
    const changed = [7, 777, 2_500];
    await write(writer, changed, round);
    await writer.delete(PREFIX + keyOf(2_000 + round));
    await writer.put(`${PREFIX}new`, valueOf(0, round));
    await etcd.compact();
    const cutAt = proxy.bytesToClient;
    await proxy.allow();
    await eventually(() => resyncs.length > 0 && mirrored.state.status === 'live', PATIENCE);
    await mirrored.sync({ timeoutMs: PATIENCE.timeoutMs });
    const resyncBytes = proxy.bytesToClient - cutAt;

    expect(resyncs).toEqual(['compacted']);
    const touched = [...changed, 2_000 + round].map(keyOf).concat('new');
    expect(events).toEqual([{ cause: 'resync', keys: [...touched].sort() }]);
    for (const [key, entry] of entries) {
      if (!touched.includes(key)) expect([key, mirrored.get(key) === entry]).toEqual([key, true]);
    }
    const { items } = await writer.list({ prefix: PREFIX }, { keysOnly: true });
    expect([...mirrored].map(([key, { modRevision }]) => [PREFIX + key, modRevision]).sort()).toEqual(
      items.map(({ key, modRevision }) => [key, modRevision]),
    );
    for (const index of changed) expect(mirrored.get(keyOf(index))?.value.round).toBe(round);
    expect(resyncBytes).toBeLessThan(loadBytes / 4);
  });
});
