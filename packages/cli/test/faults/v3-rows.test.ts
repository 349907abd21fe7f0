// The faults that a naive mirror does not survive, one test for each: real servers, default options, through a proxy. Each
// ends with the mirror equal to what etcdctl prints, live, and one watch at the server.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { etcdV3Store, type EtcdV3Options } from '@holdfast/etcd-v3';
import type { ConfigStore } from '@holdfast/store';
import { eventually, startEtcd, startProxy, type Etcd, type Proxy } from '@holdfast/testkit';
import { v3Outside } from './outside.js';
import { ListenersCopy, WatchedMirror } from './watched-mirror.js';
import { burst, fill } from './writers.js';
import { sampledEtcds } from '../../../../.ci/test/support/sampled-etcds.js';

const MEGABYTE = 1_000_000;

describe.each(sampledEtcds())('the mirror on etcd $version', ({ version }) => {
  let etcd: Etcd;
  let proxy: Proxy;
  /** Through the proxy. */
  let store: ConfigStore;
  /** Around it. */
  let writer: ConfigStore;
  let prefix = '';
  let row = 0;
  const opened: WatchedMirror[] = [];

  beforeAll(async () => {
    etcd = await startEtcd({ version });
    writer = etcdV3Store({ endpoints: etcd.endpoints });
  });

  afterAll(async () => {
    await writer.close();
    await etcd.close();
  });

  beforeEach(async () => {
    prefix = `/${(row += 1)}/`;
    proxy = await startProxy(etcd.endpoints[0]!);
    store = connect();
    await fill(writer, 200, (index) => `${prefix}${index}`);
  });

  afterEach(async () => {
    try {
      for (const watched of opened.splice(0)) await watched.mirror.close();
      await eventually(async () => (await etcd.metric('etcd_debugging_mvcc_watcher_total')) === 0);
    } finally {
      // What a failed test leaves would keep Jest's worker, and fail the next test, too.
      await store.close();
      await proxy.close();
    }
  });

  const connect = (options: Partial<EtcdV3Options> = {}) => etcdV3Store({ endpoints: [proxy.endpoint], ...options });

  async function open(on: ConfigStore = store): Promise<WatchedMirror> {
    const watched = await WatchedMirror.open(on, v3Outside(etcd), prefix);
    opened.push(watched);
    await watched.settled();
    watched.events.length = 0;
    return watched;
  }

  function disconnect(): void {
    proxy.refuse();
    proxy.cut();
  }

  /** Cuts right behind the bytes of a `created` answer to the first watch of a stream: raft term, then `created`. */
  function cutAfterCreated() {
    return proxy.cutWhen((chunk) => {
      const found = /\x20[\x01-\x7f]\x18\x01/.exec(Buffer.from(chunk).toString('latin1'));
      return found === null ? false : found.index + 4;
    });
  }

  test('kill -9 and restart of the server', async () => {
    const watched = await open();
    const [member] = etcd.members;
    await writer.put(`${prefix}before`, '1');
    await member!.kill();
    await member!.start();
    await burst(writer, 50, (index) => `${prefix}after/${index}`);
    await watched.settled();
    expect(watched.resyncReasons).toEqual([]);
    expect(watched.told).toHaveLength(51);
  });

  test('cut, 5,000 writes, restored', async () => {
    const watched = await open();
    disconnect();
    await burst(writer, 5_000, (index) => `${prefix}${index % 300}`);
    await writer.delete(`${prefix}0`);
    await proxy.allow();
    await watched.settled();
    expect(watched.resyncReasons).toEqual([]);
  });

  test('the same, compacted meanwhile', async () => {
    const watched = await open();
    const kept = watched.mirror.get('199');
    disconnect();
    await fill(writer, 5_000, (index) => `${prefix}${index % 100}`);
    await writer.delete(`${prefix}150`);
    await etcd.compact();
    await proxy.allow();
    await watched.settled();
    expect(watched.resyncReasons).toEqual(['compacted']);
    expect(watched.told).toHaveLength(101);
    expect(watched.mirror.get('199')).toBe(kept);
  });

  test('half-open connection', async () => {
    const other = await startProxy(etcd.endpoints[0]!);
    const keepalive = { intervalMs: 5_000, timeoutMs: 1_000 };
    const both = etcdV3Store({ endpoints: [proxy.endpoint, other.endpoint], keepalive, random: () => 0 });
    try {
      // On a busy machine the first takes so long to connect that the second is tried as well.
      other.refuse();
      const watched = await open(both);
      // One that took too long was given up, and is closed by now or soon.
      await eventually(() => proxy.connections === 1);
      await other.allow();
      proxy.blackHole();
      await burst(writer, 300, (index) => `${prefix}${index * 2}`);
      // The dead connection stays as it is, at the server too, which can't know: its watch there is one more.
      await watched.settled({ watchers: 2 });
      proxy.cut({ reset: true });
      await watched.settled();
      await watched.close();
    } finally {
      await both.close();
      await other.close();
    }
  });

  test('idle prefix, 10,500 foreign writes, compaction, cut', async () => {
    const watched = await open();
    await fill(writer, 10_500, (index) => `/foreign/${index % 100}`);
    await etcd.compact();
    proxy.cut();
    await writer.put(`${prefix}first`, '1');
    await watched.settled();
    // What has been proved once needs no history (M6).
    watched.resyncs.length = 0;
    await burst(writer, 100, (index) => `/foreign/${index}`);
    await watched.mirror.sync();
    await etcd.compact();
    proxy.cut();
    await writer.put(`${prefix}second`, '2');
    await watched.settled();
    expect(watched.resyncReasons).toEqual([]);
    expect(watched.told).toEqual(['first', 'second']);
  });

  test('listeners attached late', async () => {
    const watched = await open();
    const { mirror } = watched;
    const copies: ListenersCopy[] = [];
    const attach = () => {
      const copy = new ListenersCopy();
      copies.push(copy);
      mirror.subscribe((event) => copy.tell(event), { replay: true });
    };
    const began = mirror.revision;
    const writing = burst(writer, 2_000, (index) => `${prefix}${index % 500}`);
    for (const seen of [100, 500, 1_000]) {
      await eventually(() => mirror.revision >= began + seen);
      attach();
      proxy.cut();
    }
    // Into the catch-up, and into the resync.
    disconnect();
    await writing;
    await burst(writer, 2_000, (index) => `${prefix}${index % 600}`);
    await proxy.allow();
    const head = await etcd.revision();
    await eventually(() => mirror.revision > head - 2_000);
    attach();
    disconnect();
    await burst(writer, 500, (index) => `${prefix}${index}`);
    await etcd.compact();
    mirror.once('state', attach);
    await proxy.allow();
    await watched.settled();
    attach();
    expect(copies).toHaveLength(6);
    for (const copy of copies) expect([...copy.violations, ...copy.differences(mirror)]).toEqual([]);
  });

  test('cut right after `created`', async () => {
    // The mirror's first watch, and the one that follows a cut.
    const first = cutAfterCreated();
    const opening = WatchedMirror.open(store, v3Outside(etcd), prefix);
    await first.happened;
    await burst(writer, 200, (index) => `${prefix}first/${index}`);
    const watched = await opening;
    opened.push(watched);
    await watched.settled();
    disconnect();
    await burst(writer, 200, (index) => `${prefix}second/${index}`);
    const second = cutAfterCreated();
    await proxy.allow();
    await second.happened;
    await watched.settled();
    expect(watched.resyncReasons).toEqual([]);
  });

  test('cut in the middle of a 5,000-event backlog', async () => {
    const watched = await open();
    disconnect();
    await burst(writer, 5_000, (index) => `${prefix}backlog/${index}`);
    const head = await etcd.revision();
    // Some 70 bytes an entry, however it comes.
    const cut = proxy.cutAfter(150_000);
    await proxy.allow();
    await cut.happened;
    expect(watched.mirror.revision).toBeLessThan(head);
    await watched.settled();
    expect(watched.mirror.size).toBe(5_200);
    expect(new Set(watched.told).size).toBe(5_000);
  });

  test('10 MB of backlog, default options', async () => {
    const watched = await open();
    disconnect();
    await burst(writer, 10, (index) => `${prefix}large/${index}`, large);
    await proxy.allow();
    await watched.settled();
    expect(watched.told).toHaveLength(10);
  });

  test('more than 4 MB in one read', async () => {
    await burst(writer, 6, (index) => `${prefix}large/${index}`, large);
    const watched = await open();
    disconnect();
    await burst(
      writer,
      6,
      (index) => `${prefix}large/${index}`,
      (index) => large(index + 1),
    );
    await etcd.compact();
    await proxy.allow();
    await watched.settled();
    expect(watched.resyncReasons).toEqual(['compacted']);
    expect(watched.told).toHaveLength(6);
  });
});

function large(index: number): string {
  return JSON.stringify(String(index).repeat(MEGABYTE));
}
