// The v3 watch on real servers: what C10 to C12 promise, and what it costs the server.
import { describe, expect, test } from '@jest/globals';
import { withPrefix } from '@holdfast/store';
import { decodeUtf8 } from '@holdfast/store/adapter';
import { availableEtcds, eventually } from '@holdfast/testkit';
import { Follower, withWorld } from './watch-world.js';

describe.each(availableEtcds().map(({ version }) => version))('etcd %s', (version) => {
  test('events arrive in order, each revision in one batch, from the current revision on', async () => {
    await withWorld({ version }, async ({ store, writer, follow, truth }) => {
      await writer.put('/a/before', '0');
      const follower = follow({ prefix: '/a/' });
      const { revision } = await follower.watch.ready;
      await writer.txn({
        then: ['1', '2', '3'].map((name) => ({ type: 'put' as const, key: `/a/${name}`, value: name })),
      });
      await writer.put('/b/other', 'x');
      await writer.delete('/a/before');
      await store.put('/a/1', 'again');
      await eventually(() => follower.eventBatches.length === 3);
      expect(follower.revisions).toEqual([revision + 1, revision + 3, revision + 4]);
      expect(follower.eventBatches[0]?.events).toMatchObject([
        { type: 'put', isCreate: true, current: { key: '/a/1', version: 1 } },
        { type: 'put', current: { key: '/a/2' } },
        { type: 'put', current: { key: '/a/3' } },
      ]);
      expect(follower.eventBatches[1]?.events).toEqual([{ type: 'delete', key: '/a/before', revision: revision + 3 }]);
      expect(follower.eventBatches[2]?.events).toMatchObject([
        { type: 'put', isCreate: false, current: { version: 2 } },
      ]);
      await follower.equals(() => truth('/a/'));
    });
  });

  test('a watch from the past tells the head with which it was established, and a view of the store hands it on', async () => {
    await withWorld({ version }, async ({ store, writer, follow }) => {
      const first = await writer.put('/a/1', '1');
      for (const value of ['2', '3', '4']) await writer.put('/a/1', value);
      const { revision: head, identity } = await store.status();
      const after = { revision: first.revision, identity };
      const follower = follow({ prefix: '/a/' }, { after });
      await follower.watch.ready;
      expect(follower.watch.state).toMatchObject({ status: 'live', after, head });
      const view = withPrefix(store, '/a/');
      const watch = view.watch({ prefix: '' }, { after });
      await watch.ready;
      expect(watch.state).toMatchObject({ status: 'live', head });
      await watch.close();
    });
  });

  test('previous entries and filters', async () => {
    await withWorld({ version }, async ({ writer, follow }) => {
      await writer.put('/a/1', 'old');
      const both = follow({ prefix: '/a/' }, { previous: true });
      const puts = follow({ prefix: '/a/' }, { only: 'put' });
      const deletes = follow('/a/1', { only: 'delete', previous: true });
      await Promise.all([both.watch.ready, puts.watch.ready, deletes.watch.ready]);
      await writer.put('/a/1', 'new');
      await writer.delete('/a/1');
      await eventually(
        () => both.eventBatches.length === 2 && puts.eventBatches.length === 1 && deletes.eventBatches.length === 1,
      );
      const old = both.eventBatches[0]?.events[0];
      expect(old?.type === 'put' && decodeUtf8(old.previous?.value ?? new Uint8Array(0))).toBe('old');
      expect(deletes.eventBatches[0]?.events).toMatchObject([
        { type: 'delete', key: '/a/1', previous: { version: 2 } },
      ]);
      expect(puts.eventBatches[0]?.events).toMatchObject([{ type: 'put', current: { key: '/a/1' } }]);
    });
  });

  test('a lease that takes three keys away is one batch, and its id is exact', async () => {
    await withWorld({ version }, async ({ writer, follow }) => {
      const follower = follow({ prefix: '/a/' });
      await follower.watch.ready;
      const lease = await writer.leases.grant(60, { id: '7587870206184853319' });
      for (const name of ['1', '2', '3']) await writer.put(`/a/${name}`, '', { lease: lease.id });
      await writer.leases.revoke(lease.id);
      await eventually(() => follower.eventBatches.length === 4);
      expect(follower.eventBatches[0]?.events).toMatchObject([{ current: { lease: '7587870206184853319' } }]);
      expect(follower.eventBatches[3]?.events).toHaveLength(3);
    });
  });

  test('keys that are not UTF-8 are listed, and hide nothing else (C1)', async () => {
    await withWorld({ version }, async ({ etcd, writer, follow }) => {
      const follower = follow({ prefix: '/a/' });
      await follower.watch.ready;
      const raw = Buffer.from('/a/\xff\xfe', 'latin1');
      const revision = await etcd.put(raw, 'x');
      await writer.put('/a/ok', 'y');
      await eventually(() => follower.eventBatches.length === 2);
      expect(follower.eventBatches[0]).toMatchObject({ kind: 'events', events: [], bookmark: { revision } });
      expect(follower.eventBatches[0]?.undecodable).toEqual([
        { rawKey: Uint8Array.from(raw), revision, deleted: false },
      ]);
      expect(follower.keys).toEqual(['/a/ok']);
    });
  });

  test('ten watches of one store share one stream, and leave nothing when they close', async () => {
    await withWorld({ version }, async ({ store, writer, watchers, streams }) => {
      const followers = Array.from({ length: 10 }, (_, i) => new Follower(store.watch({ prefix: `/${i}/` })));
      await Promise.all(followers.map(({ watch }) => watch.ready));
      expect([await watchers(), await streams()]).toEqual([10, 1]);
      await Promise.all(followers.map((_, i) => writer.put(`/${i}/key`, `${i}`)));
      await eventually(() => followers.every(({ eventBatches }) => eventBatches.length === 1));
      expect(followers.flatMap(({ keys }) => keys)).toEqual(followers.map((_, i) => `/${i}/key`));
      await Promise.all(followers.slice(1).map(({ watch }) => watch.close()));
      await eventually(async () => (await watchers()) === 1);
      await followers[0]?.watch.close();
      await eventually(async () => (await watchers()) + (await streams()) === 0);
    });
  });

  test('one stalled consumer and nine live ones on a stream do not disturb each other (C11)', async () => {
    await withWorld({ version }, async ({ store, writer, follow, watchers, streams, truth }) => {
      const live = Array.from({ length: 9 }, () => follow({ prefix: '/a/' }));
      const stalled = follow({ prefix: '/a/' }, { bufferBytes: 100_000 });
      await Promise.all([...live, stalled].map(({ watch }) => watch.ready));
      stalled.hold();
      const value = 'x'.repeat(10_000);
      for (let i = 0; i < 200; i++) await writer.put(`/a/${i}`, value);
      await eventually(() => live.every(({ eventBatches }) => eventBatches.length >= 200));
      // It alone is not followed any more, and what waits for it is bounded.
      await eventually(async () => (await watchers()) === 9);
      expect(await streams()).toBe(1);
      expect(live.reduce((sum, { interruptions }) => sum + interruptions, 0)).toBe(0);
      stalled.release();
      await stalled.equals(() => truth('/a/'));
      expect(stalled.revisions).toEqual(live[0]?.revisions);
      expect(await streams()).toBe(1);
      expect((await store.get('/a/199'))?.version).toBe(1);
    });
  });

  test('a thousand watches on one stream', async () => {
    await withWorld({ version }, async ({ store, writer, watchers, streams }) => {
      const followers = Array.from({ length: 1_000 }, (_, i) => new Follower(store.watch(`/a/${i}`)));
      await Promise.all(followers.map(({ watch }) => watch.ready));
      expect([await watchers(), await streams()]).toEqual([1_000, 1]);
      await writer.put('/a/7', 'seven');
      await eventually(() => followers[7]?.batches.some(({ kind }) => kind === 'events') ?? false);
      expect(followers.filter(({ revisions }) => revisions.length > 0)).toHaveLength(1);
    });
  });

  test('a message of 30 MB is delivered, in slices that let the event loop run', async () => {
    const args = ['--max-txn-ops=2000', '--max-request-bytes=40000000', '--quota-backend-bytes=1000000000'];
    await withWorld({ version, args }, async ({ writer, etcd, follow, bookmark }) => {
      const after = await bookmark();
      const value = 'x'.repeat(15_000);
      for (let part = 0; part < 20; part++) {
        const keys = Array.from({ length: 100 }, (_, i) => `/a/${part}/${i}`);
        await writer.txn({ then: keys.map((key) => ({ type: 'put' as const, key, value })) });
      }
      const follower = follow({ prefix: '/a/' }, { after });
      await eventually(() => follower.keys.length === 2_000);
      expect(follower.eventBatches.map(({ events }) => events.length)).toEqual(Array.from({ length: 20 }, () => 100));
      expect(await etcd.revision()).toBe(follower.bookmark?.revision);
    });
  });

  test('a backlog is caught up without a gap', async () => {
    await withWorld({ version }, async ({ burst, follow, bookmark, truth }) => {
      const after = await bookmark();
      await burst(3_000, '/a/');
      const follower = follow({ prefix: '/a/' }, { after });
      await follower.equals(() => truth('/a/'));
      expect(follower.revisions).toEqual(Array.from({ length: 3_000 }, (_, i) => after.revision + 1 + i));
    });
  });
});
