// Histories that are replaced under a mirror: each ends with the mirror equal to the store, by the net changes only. And the
// sign that looks the same and means nothing: a member that lags behind.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { etcdV3Store } from '@holdfast/etcd-v3';
import type { ConfigStore, Logger } from '@holdfast/store';
import { availableEtcds, findEtcd, eventually, startEtcd, startProxy, type Etcd, type Proxy } from '@holdfast/testkit';
import { v3Outside, type HeldEntry, type Outside } from './outside.js';
import { WatchedMirror } from './watched-mirror.js';
import { burst } from './writers.js';

const PREFIX = '/m/';

type Held = ReadonlyMap<string, HeldEntry>;

/** The main version, and the one that differs most. */
const versions = [findEtcd({}), ...availableEtcds().slice(1).slice(-1)];

describe.each(versions)('a mirror whose history is replaced, on etcd $version', ({ version }) => {
  let etcd: Etcd;
  let outside: Outside;
  let proxy: Proxy;
  let store: ConfigStore;
  let writer: ConfigStore;
  let watched: WatchedMirror;
  /** What the mirror had when it was cut off. */
  let before: Held;

  beforeAll(async () => {
    etcd = await startEtcd({ version });
    outside = v3Outside(etcd);
    // It takes another cluster's id for its own once all new connections of some seconds tell it: on a machine that stands still, of more.
    writer = etcdV3Store({ endpoints: etcd.endpoints, timeouts: { connectMs: 60_000 } });
  });

  afterAll(async () => {
    await writer.close();
    await etcd.close();
  });

  afterEach(async () => {
    await watched.close();
    await store.close();
    await proxy.close();
  });

  const put = (key: string, value: unknown) => writer.put(`${PREFIX}${key}`, JSON.stringify(value));

  /** Fifty keys, of which some are changed and some are new after `copy` was taken; then a mirror of that, which is cut off. */
  async function cutOff<Copy>(copy: () => Promise<Copy>): Promise<Copy> {
    await writer.delete({ prefix: '' });
    await burst(writer, 50, (index) => `${PREFIX}${index}`);
    const copied = await copy();
    for (const key of ['1', '2', 'lost']) await put(key, 'only in the old history');
    await writer.delete(`${PREFIX}3`);
    await open();
    return copied;
  }

  async function open(options: { readonly auditEveryMs?: number } = {}): Promise<void> {
    proxy = await startProxy(etcd.endpoints[0]!);
    store = etcdV3Store({ endpoints: [proxy.endpoint] });
    watched = await WatchedMirror.open(store, outside, PREFIX, options);
    await watched.settled();
    before = await outside.held(PREFIX);
    proxy.refuse();
    proxy.cut();
  }

  /** One resync, and every change that it told of is one. */
  async function expectNetChanges(): Promise<void> {
    const entries = new Map(watched.mirror);
    await proxy.allow();
    await watched.settled();
    const after = await outside.held(PREFIX);
    expect([...watched.told].sort()).toEqual(differing(before, after));
    expect(watched.resyncReasons).toEqual(['history-changed']);
    expect(watched.events.map(({ cause }) => cause)).toEqual(['resync']);
    for (const [key, entry] of watched.mirror) {
      if (!watched.told.includes(key)) expect([key, entry === entries.get(key)]).toEqual([key, true]);
    }
    // And it follows on from there.
    await put('after', 'x');
    await put('1', 'x');
    await watched.settled();
    expect(watched.resyncReasons).toHaveLength(1);
  }

  const overtake = async () => {
    await burst(writer, 30, () => '/foreign/1');
    expect(await etcd.revision()).toBeGreaterThan(watched.mirror.revision);
  };

  test.each([
    ['with another token', { sameToken: false }],
    ['by the same token', { sameToken: true }],
  ])('restored from an older snapshot %s', async (_how, options) => {
    const snapshot = await cutOff(() => etcd.snapshot());
    await etcd.restore(snapshot, options);
    expect(await etcd.revision()).toBeLessThan(watched.mirror.revision);
    await expectNetChanges();
  });

  test('restored from an older copied data directory', async () => {
    const copy = await cutOff(() => etcd.copyData());
    await etcd.useData(copy);
    await expectNetChanges();
  });

  test('restored by the same token, with a revision that has overtaken', async () => {
    const snapshot = await cutOff(() => etcd.snapshot());
    await etcd.restore(snapshot, { sameToken: true });
    await put('new', 1);
    await overtake();
    await expectNetChanges();
  });

  test('restored from a copied data directory, with a revision that has overtaken', async () => {
    const copy = await cutOff(() => etcd.copyData());
    await etcd.useData(copy);
    await writer.delete(`${PREFIX}5`);
    await overtake();
    await expectNetChanges();
  });

  test('overtaken with the same keys at the same revisions, of which only values differ', async () => {
    await etcd.wipe({ sameToken: true }); // So that the raft term tells nothing: both histories are young.
    await burst(writer, 50, (index) => `${PREFIX}${index}`);
    const snapshot = await etcd.snapshot();
    for (const key of ['1', '2']) await put(key, 'old');
    await open();
    await etcd.restore(snapshot, { sameToken: true });
    for (const key of ['1', '2']) await put(key, 'new');
    await overtake();
    await expectNetChanges();
    expect(watched.told.slice(0, 2).sort()).toEqual(['1', '2']);
    expect(before.get('2')?.modRevision).toBe((await outside.held(PREFIX)).get('2')?.modRevision);
  });

  test('overtaken with the same newest entry and key count, and no lower raft term: what only an audit can tell', async () => {
    await etcd.wipe({ sameToken: true });
    const snapshot = await etcd.snapshot();
    for (const value of ['old', 'same']) await put(value === 'old' ? '1' : '2', value);
    await open({ auditEveryMs: 1_000 });
    await etcd.restore(snapshot, { sameToken: true });
    for (const value of ['new', 'same']) await put(value === 'new' ? '1' : '2', value);
    await overtake();
    await proxy.allow();
    await eventually(() => watched.resyncReasons.length > 0);
    expect(watched.resyncReasons).toEqual(['audit']);
    await watched.settled();
    expect(watched.told).toEqual(['1']);
  });

  test('overtaken and compacted: what could be compared is gone', async () => {
    const snapshot = await cutOff(() => etcd.snapshot());
    await etcd.restore(snapshot, { sameToken: true });
    await put('2', 'new');
    await overtake();
    await etcd.compact();
    await proxy.allow();
    await watched.settled();
    expect([...watched.told].sort()).toEqual(differing(before, await outside.held(PREFIX)));
    expect(watched.resyncReasons).toHaveLength(1);
  });

  test.each([
    ['with another token', { sameToken: false }],
    ['by the same token', { sameToken: true }],
  ])('wiped %s', async (_how, options) => {
    await cutOff(() => Promise.resolve());
    await etcd.wipe(options);
    await put('first', 1);
    await expectNetChanges();
  });

  test('restored and wiped with nothing in between but the death of the server', async () => {
    const snapshot = await cutOff(() => etcd.snapshot());
    await proxy.allow();
    await watched.settled();
    await etcd.restore(snapshot, { sameToken: true });
    await watched.settled();
    await etcd.wipe({ sameToken: true });
    await burst(writer, 20, (index) => `${PREFIX}anew/${index}`);
    await watched.settled();
    expect(watched.mirror.size).toBe(20);
    expect(watched.resyncReasons).toContain('history-changed');
  });
});

describe.each(versions)('three members of etcd $version', ({ version }) => {
  test('a mirror that comes to a member which lags behind raises no alarm, and misses nothing', async () => {
    // Slow elections, so that a paused member of a busy machine stays a follower.
    const calm = ['--heartbeat-interval=200', '--election-timeout=2000'];
    await using etcd = await startEtcd({ version, nodes: 3, args: calm });
    const leader = await etcd.leader();
    const [behind, other] = etcd.members.filter((member) => member !== leader);
    await using proxy = await startProxy(leader.endpoint);
    await using store = etcdV3Store({ endpoints: [proxy.endpoint], retry: { initialMs: 1, maxMs: 100 } });
    await using writer = etcdV3Store({ endpoints: [leader.endpoint, other!.endpoint] });
    const troubles: string[] = [];
    const watched = await WatchedMirror.open(store, v3Outside(etcd), PREFIX, { logger: collector(troubles) });
    const wasBehind = () => troubles.some((trouble) => trouble.includes('below bookmark'));
    // Whether the member is seen behind depends on how quickly it catches up: it is tried until it was.
    for (let round = 0; !wasBehind(); round++) {
      if (round === 10) throw new Error(`the member was never seen behind, only ${troubles.join('; ')}`);
      proxy.retarget(leader.endpoint);
      proxy.cut();
      behind!.pause();
      await burst(
        writer,
        4_000,
        (index) => `${PREFIX}${index % 200}`,
        (index) => JSON.stringify('x'.repeat(1_000) + index),
      );
      const head = (await writer.list(PREFIX, { countOnly: true })).bookmark.revision;
      await eventually(() => watched.mirror.revision >= head, { timeoutMs: 20_000 });
      // The mirror is at the member's door already when that runs again, before what it has missed.
      const connections = proxy.totalConnections;
      proxy.retarget(behind!.endpoint);
      proxy.cut();
      await eventually(() => proxy.totalConnections > connections);
      behind!.resume();
      await writer.put(`${PREFIX}round`, String(round));
      await watched.settled();
      expect(watched.mirror.get('round')?.value).toBe(round);
    }
    expect(watched.resyncReasons).toEqual([]);
    await watched.close();
  });
});

/** The keys whose entries are not the same. */
function differing(before: Held, after: Held): string[] {
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].filter((key) => JSON.stringify(before.get(key)) !== JSON.stringify(after.get(key))).sort();
}

/** Keeps what a mirror rides out. */
function collector(troubles: string[]): Logger {
  const ignore = () => undefined;
  const debug: Logger['debug'] = (_message, details) => {
    const { error } = (details ?? {}) as { error?: Error };
    if (error !== undefined) troubles.push(error.message);
  };
  return { debug, info: ignore, warn: ignore, error: ignore };
}
