// What a naive mirror on etcd v2 does not survive, one test for each: real servers, through a proxy. Each ends with the mirror
// equal to what the keys API says, live, and one watcher at the server. The mirror knows nothing of v2.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { etcdV2Store, type EtcdV2Options } from '@holdfast/etcd-v2';
import type { ConfigStore } from '@holdfast/store';
import { availableEtcds, eventually, startEtcd, startProxy, type Etcd, type Proxy } from '@holdfast/testkit';
import { callV2, v2Outside, type Outside } from './outside.js';
import { ListenersCopy, WatchedMirror } from './watched-mirror.js';
import { burst } from './writers.js';
import { sampledVersion } from '../../../../.ci/test/support/sampled-etcds.js';

describe.each(sampledVersion(availableEtcds({ api: 'v2' })))(
  'the mirror on the v2 API of etcd $version',
  ({ version }) => {
    let etcd: Etcd;
    let outside: Outside;
    let proxy: Proxy;
    /** Through the proxy. */
    let store: ConfigStore;
    /** Around it. */
    let writer: ConfigStore;
    let prefix = '';
    let row = 0;
    const opened: WatchedMirror[] = [];

    beforeAll(async () => {
      etcd = await startEtcd({ version, enableV2: true });
      outside = v2Outside(etcd);
      writer = etcdV2Store({ endpoints: etcd.endpoints });
    });

    afterAll(async () => {
      await writer.close();
      await etcd.close();
    });

    beforeEach(async () => {
      prefix = `/${(row += 1)}/`;
      proxy = await startProxy(etcd.endpoints[0]!);
      store = connect();
      await burst(writer, 200, (index) => `${prefix}${index}`);
    });

    afterEach(async () => {
      try {
        for (const watched of opened.splice(0)) await watched.mirror.close();
        await eventually(async () => (await outside.watchers()) === 0);
      } finally {
        // What a failed test leaves would keep Jest's worker, and fail the next test, too.
        await store.close();
        await proxy.close();
      }
    });

    const connect = (options: Partial<EtcdV2Options> = {}) => etcdV2Store({ endpoints: [proxy.endpoint], ...options });

    async function open(on: ConfigStore = store): Promise<WatchedMirror> {
      const watched = await WatchedMirror.open(on, outside, prefix);
      opened.push(watched);
      await watched.settled();
      watched.events.length = 0;
      watched.resyncs.length = 0;
      return watched;
    }

    function disconnect(): void {
      proxy.refuse();
      proxy.cut();
    }

    async function raw(method: 'PUT' | 'DELETE', path: string, form?: Record<string, string>): Promise<void> {
      const { body } = await callV2(etcd.endpoints[0], method, path, form);
      expect(body).not.toHaveProperty('errorCode');
    }

    test('kill -9 and restart of the server', async () => {
      const watched = await open();
      const [member] = etcd.members;
      await writer.put(`${prefix}before`, '1');
      await member!.kill();
      await member!.start();
      await burst(writer, 50, (index) => `${prefix}after/${index}`);
      await watched.settled();
      expect(new Set(watched.told).size).toBe(51);
    });

    test('cut, 5,000 writes, restored', async () => {
      const watched = await open();
      const kept = watched.mirror.get('199');
      disconnect();
      await burst(writer, 5_000, (index) => `${prefix}${index % 150}`);
      await writer.delete(`${prefix}150`);
      await proxy.allow();
      await watched.settled();
      // The history of 1,000 events is not enough, and the net changes are all that is told: by the watch's resync, or by a
      // proof's read, whichever gets through first.
      expect(watched.told).toHaveLength(151);
      expect(watched.resyncs).not.toHaveLength(0);
      expect(watched.mirror.get('199')).toBe(kept);
    });

    test('cut, a few writes, restored', async () => {
      const watched = await open();
      disconnect();
      await burst(writer, 300, (index) => `${prefix}${index}`);
      await proxy.allow();
      await watched.settled();
      expect(new Set(watched.told).size).toBe(300);
      expect(watched.resyncReasons).not.toContain('compacted');
    });

    test('half-open connection', async () => {
      const other = await startProxy(etcd.endpoints[0]!);
      const keepalive = { intervalMs: 1_000, timeoutMs: 5_000 };
      const both = etcdV2Store({ endpoints: [proxy.endpoint, other.endpoint], keepalive, random: () => 0 });
      try {
        const watched = await open(both);
        // It was asked for its cluster once, at the beginning.
        expect(other.totalConnections).toBe(1);
        proxy.blackHole();
        await burst(writer, 300, (index) => `${prefix}${index * 2}`);
        // The dead connections stay as they are, while the mirror is well without them.
        await eventually(() => other.totalConnections > 1, { timeoutMs: 20_000 });
        await watched.settled();
        proxy.cut({ reset: true });
        await watched.settled();
        await watched.close();
      } finally {
        await both.close();
        await other.close();
      }
    });

    test.each(['restored from an older copy', 'wiped'] as const)('store %s', async (fault) => {
      const copy = await etcd.copyData();
      await burst(
        writer,
        50,
        (index) => `${prefix}${index * 5}`,
        () => '"only in the old history"',
      );
      const watched = await open();
      const before = await outside.held(prefix);
      const entries = new Map(watched.mirror);
      if (fault === 'wiped') await etcd.wipe();
      else await etcd.useData(copy);
      await watched.settled();
      const after = await outside.held(prefix);
      for (const [key, { json, modRevision }] of after) {
        const held = before.get(key);
        if (held?.json !== json || held.modRevision !== modRevision) expect(watched.told).toContain(key);
        else expect([key, watched.mirror.get(key) === entries.get(key)]).toEqual([key, true]);
      }
      // A store with one endpoint takes another cluster's id for its own once all new connections of some seconds tell it.
      await eventually(() => writer.put(`${prefix}then`, '1'));
      await watched.settled();
      expect(watched.resyncReasons).toContain('history-changed');
    });

    test('restored by the same token, with an index that has overtaken', async () => {
      const copy = await etcd.copyData();
      await burst(
        writer,
        5,
        (index) => `${prefix}${index}`,
        () => '"only in the old history"',
      );
      const watched = await open();
      disconnect();
      await etcd.useData(copy);
      await writer.put(`${prefix}7`, '"only in the new history"');
      await burst(writer, 50, () => '/foreign/0');
      await proxy.allow();
      await watched.settled();
      expect([...new Set(watched.told)].sort()).toEqual(['0', '1', '2', '3', '4', '7']);
    });

    test('idle prefix, 10,000 writes to another prefix', async () => {
      const watched = await open();
      await burst(writer, 10_000, (index) => `/foreign/${index % 100}`);
      await writer.put(`${prefix}first`, '1');
      await watched.settled();
      proxy.cut();
      await writer.put(`${prefix}second`, '2');
      await watched.settled();
      expect(watched.told).toEqual(['first', 'second']);
    });

    test('more than 1,000 events behind, no fault at all', async () => {
      const watched = await open();
      // As fast as this machine can, reader and writer in one process: nothing is lost without a resync.
      await burst(writer, 5_000, (index) => `${prefix}${index % 500}`);
      await watched.settled();
      expect(watched.resyncs.length > 0 || watched.told.length === 5_000).toBe(true);
      watched.resyncs.length = 0;
      watched.events.length = 0;
      // In a few seconds: resyncs are rare.
      await burst(writer, 5_000, (index) => `${prefix}${index % 400}`, undefined, 8);
      await watched.settled();
      expect(watched.resyncs.length > 0 || watched.told.length === 5_000).toBe(true);
      expect(watched.resyncs.length).toBeLessThan(5);
    });

    test('listeners attached late', async () => {
      const watched = await open();
      const { mirror } = watched;
      const copies: ListenersCopy[] = [];
      const writing = burst(writer, 2_000, (index) => `${prefix}${index % 500}`);
      const began = mirror.revision;
      for (const seen of [100, 500, 1_000]) {
        await eventually(() => mirror.revision >= began + seen);
        const copy = new ListenersCopy();
        copies.push(copy);
        mirror.subscribe((event) => copy.tell(event), { replay: true });
        proxy.cut();
      }
      await writing;
      await watched.settled();
      for (const copy of copies) expect([...copy.violations, ...copy.differences(mirror)]).toEqual([]);
    });

    test('directory deleted', async () => {
      for (const key of ['dir/a', 'dir/b/c', 'dir/b/d', 'direct']) await writer.put(`${prefix}${key}`, '1');
      const watched = await open();
      await raw('DELETE', `${prefix}dir/b?recursive=true`);
      await watched.settled();
      expect(watched.events.map(({ changes }) => changes.map(({ key }) => key).sort())).toEqual([
        ['dir/b/c', 'dir/b/d'],
      ]);
      disconnect();
      await raw('DELETE', `${prefix}dir?recursive=true`);
      await proxy.allow();
      await watched.settled();
      expect(watched.told).toEqual(expect.arrayContaining(['dir/a']));
      expect(watched.mirror.has('direct')).toBe(true);
      // All of it, which is the directory that the mirror watches.
      await raw('DELETE', `${prefix}?recursive=true`);
      await watched.settled();
      expect(watched.mirror.size).toBe(0);
      await writer.put(`${prefix}again`, '1');
      await watched.settled();
    });

    test('keys and directories that expire', async () => {
      const watched = await open();
      // A write right after the load may meet the check that follows it, and is then read: the watch follows from here on.
      await writer.put(`${prefix}0`, '0');
      await eventually(() => watched.told.length === 1);
      await watched.settled();
      const resyncs = watched.resyncReasons.length;
      await writer.put(`${prefix}passing`, '1', { ttl: 1 });
      // Long enough for the two writes, on a machine that stands still too: in a directory that has expired they would stay.
      await raw('PUT', `${prefix}dir`, { dir: 'true', ttl: '8' });
      await Promise.all(['dir/a', 'dir/b'].map((key) => writer.put(`${prefix}${key}`, '1')));
      await eventually(() => watched.told.length >= 4);
      await eventually(() => watched.mirror.size === 200);
      await watched.settled();
      expect([...watched.told].sort()).toEqual(['0', 'dir/a', 'dir/a', 'dir/b', 'dir/b', 'passing', 'passing']);
      expect(watched.resyncReasons.slice(resyncs)).toEqual([]);
      // While nobody is connected.
      await writer.put(`${prefix}passing`, '1', { ttl: 2 });
      await eventually(() => watched.told.length > 7);
      disconnect();
      await eventually(async () => !(await outside.held(prefix)).has('passing'));
      await proxy.allow();
      await watched.settled();
      expect(watched.mirror.size).toBe(200);
    });
  },
);
