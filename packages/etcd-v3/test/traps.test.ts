// The known traps (docs/traps.md) that a watch can fall into, each one on real servers, through the proxy.
// What can't be forced there is in watch-scripted.test.ts, under the same numbers.
import { describe, expect, test } from '@jest/globals';
import { isStoreError } from '@holdfast/store';
import { eventually, type Proxy } from '@holdfast/testkit';
import { withWorld, type Follower } from './watch-world.js';
import { sampledEtcds } from '../../../.ci/test/support/sampled-etcds.js';

/** Cuts right behind the bytes of a `created` answer to the first watch of a stream: raft term, then `created`. */
function cutAfterCreated(proxy: Proxy) {
  return proxy.cutWhen((chunk) => {
    const found = /\x20[\x01-\x7f]\x18\x01/.exec(Buffer.from(chunk).toString('latin1'));
    return found === null ? false : found.index + 4;
  });
}

const live = (follower: Follower) => eventually(() => follower.watch.state.status === 'live', { timeoutMs: 20_000 });

describe.each(sampledEtcds().map(({ version }) => version))('etcd %s', (version) => {
  test('trap 1: a cut in the middle of a backlog, whose headers name the head, loses nothing', async () => {
    await withWorld({ version }, async ({ proxy, burst, follow, bookmark, truth }) => {
      const after = await bookmark();
      await burst(5_000, '/a/');
      // Some 70 bytes an event: within the second of the batches of a thousand that a backlog comes in.
      const cut = proxy.cutAfter(100_000);
      const follower = follow({ prefix: '/a/' }, { after });
      await cut.happened;
      expect(follower.revisions.length).toBeLessThan(5_000);
      await follower.equals(() => truth('/a/'));
      expect(follower.revisions).toEqual(Array.from({ length: 5_000 }, (_, i) => after.revision + 1 + i));
      expect(follower.interruptions).toBeGreaterThan(0);
    });
  });

  test('trap 2: a cut right after `created` loses nothing', async () => {
    await withWorld({ version }, async ({ proxy, burst, follow, bookmark, truth }) => {
      const after = await bookmark();
      await burst(200, '/a/');
      const cut = cutAfterCreated(proxy);
      const follower = follow({ prefix: '/a/' }, { after });
      await cut.happened;
      await follower.equals(() => truth('/a/'));
      expect(follower.revisions).toHaveLength(200);
      expect(follower.interruptions).toBeGreaterThan(0);
    });
  });

  test('trap 3: silence moves no resume point: what an idle watch missed on a dead wire comes after it', async () => {
    await withWorld({ version }, async ({ proxy, burst, follow, truth, writer }) => {
      const follower = follow({ prefix: '/a/' });
      await follower.watch.ready;
      proxy.stall('toClient');
      await writer.put('/a/missed', '1');
      await burst(500, '/b/');
      proxy.cut({ reset: true });
      await proxy.allow();
      await follower.equals(() => truth('/a/'));
      expect(follower.keys).toEqual(['/a/missed']);
    });
  });

  test('trap 4: who begins to listen late misses nothing', async () => {
    await withWorld({ version }, async ({ store, burst, bookmark }) => {
      const watch = store.watch({ prefix: '/a/' }, { after: await bookmark() });
      await watch.ready;
      await burst(300, '/a/');
      const keys: string[] = [];
      for await (const batch of watch) {
        for (const event of batch.events) if (event.type === 'put') keys.push(event.current.key);
        if (keys.length === 300) break;
      }
      expect(new Set(keys).size).toBe(300);
    });
  });

  test('trap 6: compaction ends the watch that needs the history with CompactedError, and no other', async () => {
    await withWorld({ version }, async ({ etcd, burst, follow, bookmark, truth, watchers, writer }) => {
      const old = await bookmark();
      await burst(50, '/a/');
      const other = follow({ prefix: '/b/' });
      await other.watch.ready;
      const compacted = await etcd.compact();
      const late = follow({ prefix: '/a/' }, { after: old });
      await late.ended();
      expect(isStoreError(late.error, 'compacted') && late.error.compactRevision).toBe(compacted);
      expect(late.revisions).toEqual([]);
      await writer.put('/b/1', '1');
      await other.equals(() => truth('/b/'));
      expect(other.interruptions).toBe(0);
      // The server counts a watch that it has ended itself until it is cancelled (docs/traps.md#trap-15).
      await eventually(async () => (await watchers()) === 1);
    });
  });

  test('trap 6: a bookmark at the compacted revision itself goes on', async () => {
    await withWorld({ version }, async ({ etcd, writer, follow, truth, bookmark }) => {
      await writer.put('/a/1', '1');
      const after = await bookmark();
      await etcd.compact(after.revision);
      const follower = follow({ prefix: '/a/' }, { after });
      await writer.put('/a/2', '2');
      await eventually(() => follower.eventBatches.length > 0);
      expect(follower.keys).toEqual(['/a/2']);
      expect((await truth('/a/')).size).toBe(2);
    });
  });

  test('trap 6: a delete that was compacted at its own revision is not lost: the watch says `compacted`', async () => {
    await withWorld({ version }, async ({ etcd, writer, follow, bookmark }) => {
      await writer.put('/a/1', '1');
      const after = await bookmark();
      const { revision } = await writer.delete('/a/1');
      expect(revision).toBe(after.revision + 1);
      await etcd.compact(revision);
      const follower = follow({ prefix: '/a/' }, { after });
      await follower.ended();
      expect(follower.error?.code).toBe('compacted');
    });
  });

  test.each(['snapshot', 'copied data directory'] as const)(
    'trap 7: a restore from an older %s is history-changed, for every watch',
    async (from) => {
      await withWorld({ version }, async ({ etcd, burst, follow, writer }) => {
        await burst(20, '/a/');
        const copy = from === 'snapshot' ? await etcd.snapshot() : await etcd.copyData();
        await burst(40, '/a/');
        const watching = [follow({ prefix: '/a/' }), follow({ prefix: '/b/' })];
        await Promise.all(watching.map(({ watch }) => watch.ready));
        await writer.put('/a/last', 'x');
        if (from === 'snapshot') await etcd.restore(copy, { sameToken: true });
        else await etcd.useData(copy);
        await Promise.all(watching.map((follower) => follower.ended()));
        expect(watching.map(({ error }) => error?.code)).toEqual(['history-changed', 'history-changed']);
      });
    },
  );

  test('trap 7: a wiped store is history-changed', async () => {
    await withWorld({ version }, async ({ etcd, burst, follow }) => {
      await burst(20, '/a/');
      const follower = follow({ prefix: '/a/' });
      await follower.watch.ready;
      await etcd.wipe();
      await follower.ended();
      expect(follower.error?.code).toBe('history-changed');
    });
  });

  test('trap 7: a restore with a new token is history-changed though its revision has overtaken', async () => {
    await withWorld({ version }, async ({ etcd, proxy, burst, follow, bookmark }) => {
      await burst(5, '/a/');
      const snapshot = await etcd.snapshot();
      const follower = follow({ prefix: '/a/' });
      await follower.watch.ready;
      const after = await bookmark();
      proxy.refuse();
      proxy.cut();
      await etcd.restore(snapshot);
      await burst(50, '/a/');
      await proxy.allow();
      await follower.ended();
      expect(follower.error?.code).toBe('history-changed');
      const resumed = follow({ prefix: '/a/' }, { after });
      await resumed.ended();
      expect(resumed.error?.code).toBe('history-changed');
      expect(resumed.batches).toEqual([]);
    });
  });

  test('trap 17: a restore by the same token that has overtaken is seen by its raft term', async () => {
    await withWorld({ version }, async ({ etcd, proxy, burst, follow }) => {
      await burst(5, '/a/');
      const snapshot = await etcd.snapshot();
      // Each start is an election: the term that the watch has seen is above that of a fresh history.
      for (let i = 0; i < 3; i++) {
        await etcd.members[0]?.kill();
        await etcd.members[0]?.start();
      }
      const follower = follow({ prefix: '/a/' });
      await follower.watch.ready;
      proxy.refuse();
      proxy.cut();
      await etcd.restore(snapshot, { sameToken: true });
      await burst(50, '/a/');
      await proxy.allow();
      await follower.ended();
      expect(follower.error?.code).toBe('history-changed');
      expect(follower.error?.message).toContain('raft term');
    });
  });

  test('trap 8: a revision of 128 keys that a cut tears apart on the wire is delivered whole', async () => {
    await withWorld({ version }, async ({ proxy, writer, follow, bookmark }) => {
      const after = await bookmark();
      const value = 'x'.repeat(1_000);
      for (let part = 0; part < 3; part++) {
        const keys = Array.from({ length: 128 }, (_, i) => `/a/${part}/${i}`);
        await writer.txn({ then: keys.map((key) => ({ type: 'put' as const, key, value })) });
      }
      for (const bytes of [100_000, 300_000]) {
        const cut = proxy.cutAfter(bytes);
        const follower = follow({ prefix: '/a/' }, { after });
        await cut.happened;
        await eventually(() => follower.keys.length === 384);
        expect(follower.eventBatches.map(({ events }) => events.length)).toEqual([128, 128, 128]);
        await follower.watch.close();
      }
    });
  });

  test('trap 10: progress never overtakes events, however often it is asked for', async () => {
    const options = { version, store: { watch: { progressMs: 5 } }, progressIntervalMs: 100 };
    await withWorld(options, async ({ burst, follow, bookmark, truth }) => {
      const after = await bookmark();
      await burst(4_000, '/a/');
      const followers = Array.from({ length: 3 }, () => follow({ prefix: '/a/' }, { after }));
      const writing = burst(1_000, '/a/later/');
      for (const follower of followers) {
        await follower.equals(() => truth('/a/'));
        await eventually(() => follower.batches.some(({ kind }) => kind === 'progress'));
      }
      await writing;
      // `withWorld` checks the order of all batches: events at or below a progress bookmark would be a gap.
      for (const follower of followers) await eventually(() => follower.revisions.length === 5_000);
    });
  });

  test('trap 12: a stream that is cut whenever it is established neither spins nor leaks, and ends up whole', async () => {
    await withWorld({ version }, async ({ proxy, burst, follow, bookmark, truth, watchers }) => {
      const after = await bookmark();
      await burst(100, '/a/');
      let cut = cutAfterCreated(proxy);
      const began = performance.now();
      const follower = follow({ prefix: '/a/' }, { after });
      for (let i = 0; i < 5; i++) {
        await cut.happened;
        if (i < 4) cut = cutAfterCreated(proxy);
      }
      // Five tries at delays that are at least a tenth of 100, 200, 400 and 800 ms.
      expect(performance.now() - began).toBeGreaterThan(150);
      await follower.equals(() => truth('/a/'));
      await eventually(async () => (await watchers()) === 1);
    });
  });

  test("trap 13: '/a' matches '/ab', '/a/' does not", async () => {
    await withWorld({ version }, async ({ writer, follow }) => {
      const [loose, strict] = [follow({ prefix: '/a' }), follow({ prefix: '/a/' })];
      await Promise.all([loose.watch.ready, strict.watch.ready]);
      await writer.put('/ab', '1');
      await writer.put('/a/b', '2');
      await eventually(() => loose.eventBatches.length === 2 && strict.eventBatches.length === 1);
      expect(strict.keys).toEqual(['/a/b']);
    });
  });

  test('trap 15: after every cut the server counts the watches that are open, and no more', async () => {
    await withWorld({ version }, async ({ proxy, burst, follow, watchers, streams, truth }) => {
      const followers = Array.from({ length: 5 }, () => follow({ prefix: '/a/' }));
      await Promise.all(followers.map(({ watch }) => watch.ready));
      for (let i = 0; i < 4; i++) {
        proxy.cut({ reset: i % 2 === 0 });
        await burst(20, `/a/${i}/`);
        await Promise.all(followers.map(live));
        await eventually(async () => (await watchers()) === 5 && (await streams()) === 1);
      }
      for (const follower of followers) await follower.equals(() => truth('/a/'));
    });
  });
});
