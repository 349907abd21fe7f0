// A store with one name that leads to members of two clusters: it finds out by itself which one counts. With real servers, some seconds
// each; known-identity.test.ts and identity-census.test.ts of etcd-common have all cases, without any.
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { findEtcd, eventually, startBalancer, virtualClock, type Balancer } from '@holdfast/testkit';
import { failure } from '../../etcd-common/test/support/failure.js';
import { whileTimePasses } from '../../etcd-common/test/support/while-time-passes.js';
import { ForeignWorld } from './foreign-world.js';

let world: ForeignWorld;

beforeAll(async () => {
  world = await ForeignWorld.start(findEtcd({}).version);
});
afterAll(() => world.close());
afterEach(() => world.reset());

/** Two ways to the own cluster, and one to the fresh one between them. */
async function balancer(): Promise<Balancer> {
  const { own, fresh } = world;
  const started = await startBalancer([own, fresh, own].map(({ endpoints }) => endpoints[0]!));
  world.open.push(started);
  return started;
}

test('a store whose first connection went to the fresh member is put right', async () => {
  const lb = await balancer();
  lb.choose((turn) => (turn === 0 ? 1 : 0));
  const store = world.connect([lb.endpoint]);
  await world.own.put('/first', 'x');
  const watch = store.watch('/first');
  expect((await watch.ready).identity).toBe(world.ids.fresh);
  // Nothing happens to its connection: it asks by itself.
  lb.choose((turn) => (turn % 3 === 1 ? 1 : 0));
  const followed = (async () => {
    for await (const batch of watch) expect(batch.kind).toBe('progress');
  })();
  expect(await failure(followed)).toMatchObject({ code: 'history-changed' });
  expect(await store.get('/first')).toMatchObject({ key: '/first' });
});

test('a balancer that leads to the fresh member alone is believed after some seconds, and no longer once the others are back', async () => {
  const lb = await balancer();
  lb.serve([0, 2]);
  const clock = virtualClock();
  const store = world.connect([lb.endpoint], { timeouts: { connectMs: 1_000 }, clock });
  await world.own.put('/back', 'x');
  expect(await store.get('/back')).toMatchObject({ key: '/back' });
  lb.serve([1]);
  lb.cut();
  const began = clock.now();
  // The read finds out that the connection is gone. Both are short: after three seconds the fresh member may be believed.
  await whileTimePasses(clock, failure(store.get('/back', { timeoutMs: 500 })));
  expect(await whileTimePasses(clock, failure(store.put('/back', 'lost')))).toMatchObject({ outcome: 'not-applied' });
  await whileTimePasses(
    clock,
    eventually(async () => (await store.list('/back')).bookmark.identity === world.ids.fresh),
  );
  expect(clock.now() - began).toBeGreaterThan(2_900);
  lb.serve([0, 1, 2]);
  await whileTimePasses(
    clock,
    eventually(async () => (await store.get('/back')) !== undefined),
  );
});
