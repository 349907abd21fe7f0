// The same where clusters have users: a server that wants a user first tells its cluster to nobody else.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually, findEtcd, virtualClock, type Proxy } from '@holdfast/testkit';
import { failure } from '../../etcd-common/test/support/failure.js';
import { nextEvents } from '../../etcd-common/test/support/next-events.js';
import { whileTimePasses } from '../../etcd-common/test/support/while-time-passes.js';
import { ForeignWorld } from './foreign-world.js';
import { APP, enableAuth } from './watch-auth.js';
import { sampledEtcds } from '../../../.ci/test/support/sampled-etcds.js';

describe.each(sampledEtcds())('foreign clusters with users, of etcd $version', ({ version }) => {
  // The hardest case for all of them: newer ones tell their cluster to those only whom they let in.
  const all = ['other users', 'no users', 'the same users'] as const;
  const kinds = version === findEtcd({}).version ? all : all.slice(0, 1);

  describe.each(kinds)('that have %s', (users) => {
    let world: ForeignWorld;

    beforeAll(async () => {
      world = await ForeignWorld.start(version);
      await enableAuth(world.own, ['/app/']);
      if (users !== 'no users') await enableAuth(world.fresh, ['/app/']);
      if (users === 'other users') await world.fresh.ctl('--user=root:rootpw', 'user', 'delete', 'app');
    });
    afterAll(() => world.close());
    afterEach(async () => {
      await world.reset();
      const root = users === 'no users' ? [] : ['--user=root:rootpw'];
      expect(await world.fresh.ctl(...root, 'get', '', '--prefix', '--keys-only')).toBe('');
    });

    const stop = (proxy: Proxy) => {
      proxy.refuse();
      proxy.cut();
    };

    test('a store that begins with the foreign one follows the majority, and later on only that', async () => {
      const { one, two, other, endpoints } = await world.three();
      // A server on a busy machine takes long to check passwords, for all of which a new store waits while its clock stands still.
      const clock = virtualClock();
      const timeouts = { connectMs: 4_000 };
      const store = world.connect([other.endpoint, ...endpoints.slice(0, 2)], { auth: APP, timeouts, clock });
      await store.put('/app/1', 'x');
      expect(await store.get('/app/1')).toMatchObject({ key: '/app/1' });
      const watch = store.watch({ prefix: '/app/' });
      expect((await watch.ready).identity).toBe(world.ids.own);
      const next = nextEvents(watch[Symbol.asyncIterator]());
      stop(one);
      stop(two);
      await whileTimePasses(clock, failure(store.get('/app/1')), 50);
      const error = await whileTimePasses(clock, failure(store.put('/app/2', 'lost')), 50);
      expect(error).toMatchObject({ code: 'unavailable', outcome: 'not-applied', retryable: true });
      await Promise.all([one.allow(), two.allow()]);
      await whileTimePasses(
        clock,
        eventually(() => store.put('/app/3', 'x')),
      );
      expect(await whileTimePasses(clock, next)).toMatchObject({ events: [{ current: { key: '/app/3' } }] });
    });
  });

  test('a password that is wrong everywhere is told as such, by several endpoints too', async () => {
    const world = await ForeignWorld.start(version);
    try {
      await enableAuth(world.own, ['/app/']);
      const [one, two] = [await world.proxyTo(world.own), await world.proxyTo(world.own)];
      const store = world.connect([one.endpoint, two.endpoint], { auth: { username: 'app', password: 'wrong' } });
      const error = await failure(store.put('/app/1', 'x'));
      expect(error).toMatchObject({ code: 'unauthenticated', outcome: 'not-applied', retryable: false });
    } finally {
      await world.close();
    }
  });
});
