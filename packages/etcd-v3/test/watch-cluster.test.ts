// Watches on three members: one that dies, one that is behind, and a cluster without a leader.
import { describe, expect, test } from '@jest/globals';
import { eventually, type Etcd, type EtcdMember } from '@holdfast/testkit';
import { etcdV3Store } from '../src/index.js';
import { Follower, withWorld } from './watch-world.js';
import { sampledEtcds } from '../../../.ci/test/support/sampled-etcds.js';

// Slow elections, so that a paused member of a busy machine stays a follower.
const CALM = ['--heartbeat-interval=500', '--election-timeout=5000'];
const BRISK = ['--heartbeat-interval=100', '--election-timeout=1000'];

async function aFollower(etcd: Etcd): Promise<EtcdMember> {
  const leader = await etcd.leader();
  return etcd.members.find((member) => member !== leader)!;
}

/** The member that serves the watch. */
async function watchedMember(etcd: Etcd): Promise<EtcdMember> {
  return eventually(async () => {
    for (const member of etcd.members) {
      if (member.state === 'running' && (await member.metric('etcd_debugging_mvcc_watcher_total')) > 0) return member;
    }
    throw new Error('no member has a watch');
  });
}

describe.each(sampledEtcds().map(({ version }) => version))('etcd %s', (version) => {
  test('the member that serves a watch dies: another one goes on with it', async () => {
    await withWorld({ version, nodes: 3, args: BRISK }, async ({ etcd, writer }) => {
      await using store = etcdV3Store({ endpoints: etcd.endpoints });
      const follower = new Follower(store.watch({ prefix: '/a/' }));
      await follower.watch.ready;
      await eventually(() => writer.put('/a/1', '1'));
      const member = await watchedMember(etcd);
      await member.kill();
      await eventually(() => writer.put('/a/2', '2'), { timeoutMs: 20_000 });
      await eventually(() => follower.keys.includes('/a/2'), { timeoutMs: 20_000 });
      expect(new Set(follower.keys)).toEqual(new Set(['/a/1', '/a/2']));
      follower.check();
      await member.start();
    });
  });

  test('without a leader the watch says so, and goes on when there is one', async () => {
    await withWorld({ version, nodes: 3, args: BRISK }, async ({ etcd, writer }) => {
      const [first, ...others] = etcd.members as [EtcdMember, EtcdMember, EtcdMember];
      await using store = etcdV3Store({ endpoints: [first.endpoint] });
      const follower = new Follower(store.watch({ prefix: '/a/' }));
      await follower.watch.ready;
      for (const member of others) await member.kill();
      await eventually(() => follower.watch.state.status === 'interrupted', { timeoutMs: 20_000 });
      const { state } = follower.watch;
      expect(state.status === 'interrupted' && state.cause.code).toBe('unavailable');
      await Promise.all(others.map((member) => member.start()));
      await eventually(() => writer.put('/a/1', '1'), { timeoutMs: 20_000 });
      await eventually(() => follower.keys.length > 0, { timeoutMs: 20_000 });
      expect(follower.error).toBeUndefined();
      follower.check();
    });
  });

  test('trap 16: a lagging follower of a healthy cluster raises no alarm, and nothing is lost to it', async () => {
    await withWorld({ version, nodes: 3, args: CALM }, async ({ etcd }) => {
      const behind = await aFollower(etcd);
      const others = etcd.members.filter((member) => member !== behind);
      await using store = etcdV3Store({ endpoints: [behind.endpoint] });
      await using writer = etcdV3Store({ endpoints: others.map(({ endpoint }) => endpoint) });
      await store.watch({ prefix: '/warm/' }).ready;
      // Whether the member is seen behind depends on how quickly it catches up: it is tried until it was.
      for (let round = 0; ; round++) {
        behind.pause();
        for (let i = 0; i < 10; i++) {
          const keys = Array.from({ length: 200 }, (_, n) => `/b/${n}`);
          await Promise.all(keys.map((key) => writer.put(key, 'x'.repeat(500))));
        }
        const { bookmark } = await writer.list('/a/');
        // Reaches the member as soon as it runs again, before what it has missed.
        const follower = new Follower(store.watch({ prefix: '/a/' }, { after: bookmark }));
        behind.resume();
        await follower.watch.ready;
        await writer.put(`/a/${round}`, 'x');
        await eventually(() => follower.keys.length > 0);
        expect(follower.keys).toEqual([`/a/${round}`]);
        expect(follower.error).toBeUndefined();
        await follower.watch.close();
        const causes = follower.states.flatMap((state) =>
          state.status === 'interrupted' ? [state.cause.message] : [],
        );
        if (causes.some((cause) => cause.includes('below bookmark'))) break;
        if (round === 9) throw new Error(`the member was never seen behind, only ${causes.join('; ')}`);
      }
    });
  });
});
