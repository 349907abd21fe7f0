// The mirror on real servers, through a proxy: the faults that end a naive mirror (docs/etcd.md#what-other-clients-lose), one after the other.
import { etcdV3Store } from '@holdfast/etcd-v3';
import type { ConfigStore } from '@holdfast/store';
import { type Etcd, eventually, findEtcd, type Proxy, startEtcd, startProxy } from '@holdfast/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { json, mirror, type Mirror } from '../src/index.js';

const PREFIX = '/m/';
const PATIENCE = { timeoutMs: 30_000, intervalMs: 50 };

interface Listed {
  readonly kvs?: readonly { readonly key: string; readonly value: string; readonly mod_revision: number }[];
}

// The same faults as in packages/cli/test/faults, which has them on every version: here seen from core alone, on one.
describe.each([findEtcd({}).version])('on etcd %s', (version) => {
  let etcd: Etcd;
  let proxy: Proxy;
  let writer: ConfigStore;
  let store: ConfigStore;
  let m: Mirror<number>;
  /** Why it was read again, save where a server on a busy machine was too slow with its events. */
  const resyncs: string[] = [];

  beforeAll(async () => {
    etcd = await startEtcd({ version });
  });
  afterAll(() => etcd.close());
  beforeEach(async () => {
    await etcd.ctl('del', '', '--from-key');
    proxy = await startProxy(etcd.endpoints[0]!);
    writer = etcdV3Store({ endpoints: [etcd.endpoints[0]!] });
    store = etcdV3Store({ endpoints: [proxy.endpoint], keepalive: { intervalMs: 5_000, timeoutMs: 2_000 } });
    await burst(200);
    m = await mirror(store, { prefix: PREFIX, codec: json<number>(), livenessMs: 6_000 });
    resyncs.length = 0;
    m.on('resync', ({ reason }) => {
      if (reason !== 'behind') resyncs.push(reason);
    });
  });
  afterEach(async () => {
    await m.close();
    await store.close();
    await writer.close();
    await proxy.close();
    // docs/traps.md#trap-15: nothing is left at the server either.
    await eventually(async () => (await etcd.metric('etcd_debugging_mvcc_watcher_total')) === 0, PATIENCE);
  });

  /** Many writes: to keys of the mirror, or of another prefix. */
  async function burst(count: number, prefix = PREFIX): Promise<void> {
    for (let n = 0; n < count; n += 50) {
      await Promise.all(
        Array.from({ length: Math.min(50, count - n) }, (_, i) =>
          writer.put(`${prefix}k${(n + i) % 150}`, String(n + i)),
        ),
      );
    }
  }

  /** What etcdctl prints is the truth, and the mirror must show that and say that it is live. */
  async function equals(): Promise<void> {
    await eventually(async () => {
      const { kvs = [] } = JSON.parse(await etcd.ctl('get', PREFIX, '--prefix', '-w', 'json')) as Listed;
      const truth = kvs
        .filter(({ key }) => !text(key).includes('\ufffd'))
        .map(({ key, value, mod_revision }) => [text(key).slice(PREFIX.length), Number(text(value)), mod_revision]);
      const shown = [...m].map(([key, entry]) => [key, entry.value, entry.modRevision]).sort();
      expect(shown).toEqual(truth.sort());
      expect(m.state).toMatchObject({ status: 'live' });
    }, PATIENCE);
  }

  test('it follows, and a transaction over many keys arrives at once', async () => {
    const sizes: number[] = [];
    m.on('change', ({ changes }) => sizes.push(changes.length));
    await writer.txn({
      then: Array.from({ length: 128 }, (_, n) => ({ type: 'put', key: `${PREFIX}t${n}`, value: String(n) })),
    });
    await m.sync();
    expect(sizes).toEqual([128]);
    await equals();
    await writer.delete({ prefix: `${PREFIX}t` });
    await m.sync();
    expect(m.has('t1')).toBe(false);
    await equals();
    expect(resyncs).toEqual([]);
  });

  test('kill -9 and restart of the server', async () => {
    const [member] = etcd.members;
    await member!.kill();
    await member!.start();
    await burst(50);
    await equals();
    expect(resyncs).toEqual([]);
  });

  test('cut, 5,000 writes, restored; then the same, compacted meanwhile', async () => {
    proxy.refuse();
    proxy.cut();
    await burst(5_000);
    await proxy.allow();
    await equals();
    expect(resyncs).toEqual([]);

    const before = m.get('k149');
    proxy.refuse();
    proxy.cut();
    await writer.put(`${PREFIX}k0`, '1');
    await writer.delete(`${PREFIX}k1`);
    await etcd.compact();
    await proxy.allow();
    await equals();
    expect(resyncs.at(-1)).toBe('compacted');
    expect(m.get('k149')).toBe(before);
  });

  test('an idle prefix: 10,500 writes of others, a compaction, a cut', async () => {
    await burst(10_500, '/others/');
    await etcd.compact();
    proxy.cut();
    await writer.put(`${PREFIX}late`, '1');
    await equals();
    await m.sync();
  });

  test('a half-open connection', async () => {
    proxy.blackHole();
    await burst(100);
    await proxy.allow();
    await equals();
  });

  test('restored from an older snapshot, by the same token, with a revision that has overtaken; then wiped', async () => {
    const snapshot = await etcd.snapshot();
    await writer.put(`${PREFIX}lost`, '1');
    await m.sync();
    proxy.refuse();
    proxy.cut();
    await etcd.restore(snapshot, { sameToken: true });
    await burst(20, '/others/');
    await writer.put(`${PREFIX}k3`, '333');
    expect(await etcd.revision()).toBeGreaterThan(m.revision);
    await proxy.allow();
    await equals();
    expect(m.has('lost')).toBe(false);
    expect(resyncs).toContain('history-changed');

    await etcd.wipe();
    await writer.put(`${PREFIX}anew`, '1');
    await equals();
    expect(m.size).toBe(1);
  });

  test('sync() sees every write acknowledged before it, on a busy and on an idle store', async () => {
    for (let n = 0; n < 20; n++) {
      await writer.put(`${PREFIX}s`, String(n));
      await m.sync();
      expect(m.get('s')?.value).toBe(n);
      await writer.put('/others/s', String(n));
      await m.sync();
    }
    expect(resyncs).toEqual([]);
  });

  test('keys that are not UTF-8 are listed, and disturb nothing', async () => {
    await etcd.put(Uint8Array.of(...Buffer.from(PREFIX), 0xff), '1');
    await eventually(() => m.problems().length === 1, PATIENCE);
    expect(m.problems()[0]).toMatchObject({ rawKey: Uint8Array.of(...Buffer.from(PREFIX), 0xff) });
    await writer.put(`${PREFIX}after`, '1');
    await m.sync();
    await equals();
  });
});

function text(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}
