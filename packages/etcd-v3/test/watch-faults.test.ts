// The faults that today's clients don't survive (the last table of docs/etcd.md), at the level of a watch: each ends with
// the watch live and complete, or with the error that tells its consumer to read again.
import { describe, expect, test } from '@jest/globals';
import { isStoreError } from '@holdfast/store';
import { availableEtcds, findEtcd, eventually } from '@holdfast/testkit';
import { APP, enableAuth, grant, putAsRoot, revoke } from './watch-auth.js';
import { Follower, withWorld } from './watch-world.js';
import { sampledVersion } from '../../../.ci/test/support/sampled-etcds.js';
import { inBackground } from '../../../.ci/test/support/in-background.js';

/** Most of this is the network's doing and the client's: the main version, and the one that differs most, by turns. */
const versions = sampledVersion([findEtcd({}), ...availableEtcds().slice(1).slice(-1)].map(({ version }) => version));
const manualProgress = (version: string) => version.startsWith('3.5');

describe.each(versions)('etcd %s', (version) => {
  test('kill -9 and restart of the server', async () => {
    await withWorld({ version }, async ({ etcd, follow, burst, truth }) => {
      const follower = follow({ prefix: '/a/' });
      await follower.watch.ready;
      await burst(100, '/a/');
      await etcd.members[0]?.kill();
      await etcd.members[0]?.start();
      await burst(100, '/a/later/');
      await follower.equals(() => truth('/a/'));
      expect(follower.watch.state.status).toBe('live');
    });
  });

  test('the server is away for a while: the state says so, and why', async () => {
    await withWorld({ version }, async ({ etcd, follow, burst, truth }) => {
      const follower = follow({ prefix: '/a/' });
      await follower.watch.ready;
      await etcd.members[0]?.kill();
      await eventually(() => follower.interruptions >= 2, { timeoutMs: 20_000 });
      const { state } = follower.watch;
      expect(state.status === 'interrupted' && state.cause.code).toBe('unavailable');
      await etcd.members[0]?.start();
      await burst(10, '/a/');
      await follower.equals(() => truth('/a/'));
    });
  });

  test('cut, 5,000 writes, restored', async () => {
    await withWorld({ version }, async ({ proxy, follow, burst, truth }) => {
      const follower = follow({ prefix: '/a/' });
      await follower.watch.ready;
      proxy.refuse();
      proxy.cut();
      await burst(5_000, '/a/');
      await proxy.allow();
      await follower.equals(() => truth('/a/'));
      expect(follower.revisions).toHaveLength(5_000);
    });
  });

  test('the same, compacted meanwhile: CompactedError, and a new watch from what is read then goes on', async () => {
    await withWorld({ version }, async ({ etcd, proxy, store, follow, burst, fill, truth, watchers }) => {
      const follower = follow({ prefix: '/a/' });
      await follower.watch.ready;
      proxy.refuse();
      proxy.cut();
      await fill(5_000, '/a/');
      await etcd.compact();
      await proxy.allow();
      await follower.ended();
      expect(isStoreError(follower.error, 'compacted')).toBe(true);
      const { items, bookmark } = await store.list({ prefix: '/a/' });
      const next = follow({ prefix: '/a/' }, { after: bookmark });
      for (const { key } of items) next.entries.set(key, 'v');
      await burst(10, '/a/later/');
      await next.equals(() => truth('/a/'));
      await eventually(async () => (await watchers()) === 1);
    });
  });

  test('a watch from now on is not overtaken by compactions, however slow the line is', async () => {
    await withWorld({ version }, async ({ etcd, proxy, writer, follow }) => {
      await using storm = inBackground(async (isOver) => {
        for (let n = 0; !isOver(); n++) {
          await writer.put('/a/k', String(n));
          await etcd.compact();
        }
      });
      proxy.delay(150);
      const followers = Array.from({ length: 5 }, () => follow({ prefix: '/a/' }));
      for (const follower of followers) {
        await follower.watch.ready;
        await eventually(() => follower.revisions.length > 20);
      }
      await storm.stop();
      expect(followers.map(({ error, interruptions }) => [error, interruptions])).toEqual(
        followers.map(() => [undefined, 0]),
      );
    });
  });

  test('a half-open connection is noticed by keepalive', async () => {
    const keepalive = { intervalMs: 5_000, timeoutMs: 1_000 };
    await withWorld({ version, store: { keepalive } }, async ({ proxy, follow, burst, truth }) => {
      const follower = follow({ prefix: '/a/' });
      await follower.watch.ready;
      proxy.blackHole();
      await burst(10, '/a/');
      await eventually(() => follower.interruptions > 0, { timeoutMs: 15_000 });
      proxy.cut({ reset: true });
      await proxy.allow();
      await follower.equals(() => truth('/a/'));
    });
  });

  test('a wire that answers to pings only, as some proxies do: silence is noticed, and ends in the same minute', async () => {
    // Far above any pause that this machine takes, far below the default of half a minute.
    const options = { version, store: { keepalive: false as const, watch: { silenceMs: 2_000 } } };
    await withWorld(options, async ({ proxy, follow, burst, truth }) => {
      const follower = follow({ prefix: '/a/' });
      await follower.watch.ready;
      proxy.stall('toClient');
      await burst(10, '/a/');
      await follower.status('interrupted');
      const { state } = follower.watch;
      expect(state.status === 'interrupted' && state.cause.message).toMatch(/sent nothing|unavailable|no connection/i);
      proxy.cut({ reset: true });
      await proxy.allow();
      await follower.equals(() => truth('/a/'));
    });
  });

  test('an idle prefix, 10,500 foreign writes, compaction, cut: it goes on where progress was exact', async () => {
    const settings = manualProgress(version) ? { store: { watch: { progressMs: 100 } } } : { progressIntervalMs: 100 };
    await withWorld({ version, ...settings }, async ({ etcd, proxy, follow, burst, fill, truth }) => {
      const follower = follow({ prefix: '/a/' });
      await follower.watch.ready;
      await fill(10_500, '/b/');
      const head = await etcd.revision();
      await eventually(() => (follower.bookmark?.revision ?? 0) >= head);
      await etcd.compact();
      proxy.cut();
      await burst(3, '/a/');
      await follower.equals(() => truth('/a/'));
      expect(follower.error).toBeUndefined();
      expect(follower.interruptions).toBeGreaterThan(0);
    });
  });

  test('10 MB of backlog, default options', async () => {
    await withWorld({ version }, async ({ writer, follow, bookmark }) => {
      const after = await bookmark();
      for (let i = 0; i < 10; i++) await writer.put(`/a/${i}`, 'x'.repeat(1_000_000));
      const follower = follow({ prefix: '/a/' }, { after });
      await eventually(() => follower.keys.length === 10);
      expect(follower.interruptions).toBe(0);
    });
  });

  test('two watches, the first forbidden: it ends with permission-denied, the second is live', async () => {
    await withWorld({ version, store: { auth: APP } }, async ({ etcd, store, follow, watchers }) => {
      await enableAuth(etcd, ['/a/']);
      const forbidden = new Follower(store.watch({ prefix: '/forbidden/' }));
      const allowed = follow({ prefix: '/a/' });
      await forbidden.ended();
      expect(forbidden.error?.code).toBe('permission-denied');
      await allowed.watch.ready;
      await store.put('/a/1', '1');
      await eventually(() => allowed.keys.length === 1);
      await eventually(async () => (await watchers()) === 1);
    });
  });

  test('a forbidden watch with a bookmark is refused at creation (trap 5), and its neighbours are not disturbed', async () => {
    await withWorld({ version, store: { auth: APP } }, async ({ etcd, store, follow, bookmark, watchers, streams }) => {
      const after = await bookmark();
      await enableAuth(etcd, ['/a/']);
      const allowed = follow({ prefix: '/a/' }, { after });
      await allowed.watch.ready;
      for (let i = 0; i < 3; i++) {
        const forbidden = new Follower(store.watch({ prefix: '/forbidden/' }, { after }));
        await forbidden.ended();
        expect(forbidden.error?.code).toBe('permission-denied');
        expect(forbidden.batches).toEqual([]);
      }
      expect(allowed.interruptions).toBe(0);
      await eventually(async () => (await watchers()) === 1 && (await streams()) === 1);
    });
  });

  test('a token that expired while idle, then a cut: a new one is fetched', async () => {
    const options = { version, args: ['--auth-token-ttl=1'], store: { auth: APP } };
    await withWorld(options, async ({ etcd, proxy, follow }) => {
      await enableAuth(etcd, ['/a/']);
      const follower = follow({ prefix: '/a/' });
      await follower.watch.ready;
      // Restarting is the sure way: simple tokens are kept in memory only.
      await etcd.members[0]?.kill();
      await etcd.members[0]?.start();
      proxy.cut();
      await putAsRoot(etcd, '/a/1', '1');
      await eventually(() => follower.keys.length === 1);
      expect(follower.error).toBeUndefined();
    });
  });

  test('a new watch on a stream whose token has expired gets another stream; the old watches stay', async () => {
    const options = { version, args: ['--auth-token-ttl=1'], store: { auth: APP } };
    await withWorld(options, async ({ etcd, store, follow, streams, bookmark, watchers }) => {
      const after = await bookmark();
      await enableAuth(etcd, ['/a/']);
      const old = follow({ prefix: '/a/' }, { after });
      await old.watch.ready;
      // Whether the token has expired is seen from what the server does with a watch.
      await eventually(
        async () => {
          const probe = store.watch('/a/probe', { after });
          await probe.ready;
          if ((await streams()) === 2) return;
          await probe.close();
          throw new Error('the token is still valid');
        },
        { timeoutMs: 20_000, intervalMs: 2_000 },
      );
      expect(old.interruptions).toBe(0);
      await putAsRoot(etcd, '/a/1', '1');
      await eventually(() => old.keys.length === 1);
      expect(await watchers()).toBe(2);
    });
  });

  test('role revoked, cut, granted again: the watch ends with permission-denied, another one goes on from its bookmark', async () => {
    await withWorld({ version, store: { auth: APP } }, async ({ etcd, proxy, follow, store }) => {
      await enableAuth(etcd, ['/a/']);
      const follower = follow({ prefix: '/a/' });
      await follower.watch.ready;
      await store.put('/a/1', '1');
      await eventually(() => follower.keys.length === 1);
      await revoke(etcd, '/a/');
      proxy.cut();
      await follower.ended();
      expect(follower.error?.code).toBe('permission-denied');
      await putAsRoot(etcd, '/a/2', '2');
      await grant(etcd, '/a/');
      const next = follow({ prefix: '/a/' }, { after: follower.bookmark });
      await eventually(() => next.keys.length === 1);
      expect(next.keys).toEqual(['/a/2']);
    });
  });
});
