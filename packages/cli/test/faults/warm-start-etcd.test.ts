// Mirrors that start from a snapshot, with real etcd behind a proxy: down, back, and another cluster in its place.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mirror, text } from '@holdfast/core';
import { fileSnapshot, readSnapshot } from '@holdfast/core/file-snapshot';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import type { ConfigStore } from '@holdfast/store';
import { type Etcd, eventually, type Proxy, startEtcd, startProxy } from '@holdfast/testkit';

const KEYS = 300;
/** Of stores whose server is there: a busy machine takes seconds for hundreds of writes at once, and connects meanwhile. */
const PATIENT = { timeouts: { connectMs: 60_000 } };
const PREFIX = '/app/';
const folder = mkdtempSync(join(tmpdir(), 'holdfast-warm-'));
let etcd: Etcd;
let foreign: Etcd;
let cases: readonly Case[] = [];

beforeAll(async () => {
  [etcd, foreign] = await Promise.all([startEtcd({ enableV2: true }), startEtcd({ enableV2: true })]);
  cases = await Promise.all(
    Object.entries(STORES).map(async ([name, open]) => ({
      ...{ name, open, path: join(folder, name) },
      proxy: await startProxy(etcd.endpoints[0] ?? ''),
    })),
  );
});

afterAll(async () => {
  await Promise.all([...cases.map(({ proxy }) => proxy.close()), etcd.close(), foreign.close()]);
  rmSync(folder, { recursive: true, force: true });
});

interface Options {
  readonly endpoints: readonly string[];
  readonly timeouts?: { readonly connectMs: number };
}

interface Case {
  readonly name: string;
  readonly open: (options: Options) => ConfigStore;
  readonly proxy: Proxy;
  readonly path: string;
}

const STORES = { v3: etcdV3Store, v2: etcdV2Store } as const;

/** The copies that were kept beside the snapshot of this name. */
const kept = (name: string): string[] =>
  readdirSync(folder).filter((file) => file.startsWith(`${name}.kept-`) && !file.endsWith('.log'));

/** Both APIs at once: their keys and proxies are their own. */
const each = (run: (on: Case) => Promise<void>) => () => Promise.all(cases.map(run));

const optionsAt = (path: string) => ({
  ...{ prefix: PREFIX, codec: text(), snapshot: fileSnapshot(path), backoff: { maxMs: 300 } },
  // Not waited for: every endpoint refuses at once.
  snapshotAfterMs: 25_000,
});

test(
  'on etcd v3 and v2, a mirror starts while etcd is down, and goes on from its snapshot when etcd is back',
  each(async ({ name, open, proxy, path }) => {
    const writer = open({ endpoints: etcd.endpoints, ...PATIENT });
    await Promise.all(Array.from({ length: KEYS }, (_, n) => writer.put(`${PREFIX}k${n}`, `${n}${'v'.repeat(1_000)}`)));
    const first = open({ endpoints: [proxy.endpoint], ...PATIENT });
    await (await mirror(first, optionsAt(path))).close();
    await first.close();
    const loaded = proxy.bytesToClient;
    expect(loaded).toBeGreaterThan(KEYS * 1_000);

    proxy.refuse();
    await writer.put(`${PREFIX}k1`, 'later');
    await writer.delete(`${PREFIX}k2`);
    const store = open({ endpoints: [proxy.endpoint] });
    const began = performance.now();
    const second = await mirror(store, optionsAt(path));
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(second.state).toMatchObject({ status: 'stale', reason: 'from-snapshot', connection: 'interrupted' });
    expect(second.size).toBe(KEYS);
    const before = second.get('k3');
    await proxy.allow();
    await eventually(() => second.state.status === 'live');
    await second.sync();
    expect(second.get('k1')?.value).toBe('later');
    expect(second.has('k2')).toBe(false);
    expect(second.get('k3')).toBe(before);
    // etcd v2 can't be asked about the past, so that everything is compared.
    if (name === 'v3') expect(proxy.bytesToClient - loaded).toBeLessThan(loaded / 5);
    // Before it is saved again, the store is asked about the past.
    await eventually(async () => (await readSnapshot(path)).entries.length === KEYS - 1, { timeoutMs: 60_000 });
    await second.close();
    // There it is not known, either, whether the key that is gone was deleted or lost.
    expect(kept(name).map((file) => file.replace(/[^-]*$/, ''))).toEqual(name === 'v3' ? [] : ['v2.kept-in-doubt-']);
    await Promise.all([store.close(), writer.close()]);
  }),
);

test(
  'on etcd v3 and v2, another cluster in its place is not believed at once, and never overwrites the last good copy',
  each(async ({ name, open, proxy, path }) => {
    const lastGood = () => kept(name).filter((file) => !file.includes('.kept-in-doubt-'));
    const { entries } = await readSnapshot(path);
    const other = open({ endpoints: foreign.endpoints, ...PATIENT });
    await other.put(`${PREFIX}only`, 'foreign');
    proxy.retarget(foreign.endpoints[0] ?? '');
    proxy.cut();
    const store = open({ endpoints: [proxy.endpoint] });
    const mirrored = await mirror(store, { ...optionsAt(path), snapshotAfterMs: 300 });
    expect(mirrored.state).toMatchObject({ status: 'stale', reason: 'from-snapshot' });
    expect(mirrored.size).toBe(entries.length);
    expect(lastGood()).toEqual([]);
    await eventually(() => mirrored.size === 1 && mirrored.get('only')?.value === 'foreign', { timeoutMs: 60_000 });
    await mirrored.close();
    expect((await readSnapshot(path)).entries.map(({ key }) => key)).toEqual([`${PREFIX}only`]);
    const [copy = '', ...more] = lastGood();
    expect(more).toEqual([]);
    const lost = (await readSnapshot(join(folder, copy))).entries;
    expect(lost.map(({ key, modRevision }) => [key, modRevision])).toEqual(
      entries.map(({ key, modRevision }) => [key, modRevision]),
    );
    await Promise.all([store.close(), other.close()]);
  }),
);
