import { etcdV3Store } from '@holdfast/etcd-v3';
import type { Logger } from '@holdfast/store';
import { eventually, startEtcd, startProxy, type Etcd, type Proxy } from '@holdfast/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { HOSTILE_LOGGERS } from '../../etcd-common/test/support/hostile-loggers.js';
import { HOSTILE_RANDOM } from '../../etcd-common/test/support/hostile-random.js';

let etcd: Etcd;
let proxy: Proxy;
const rejections: unknown[] = [];
const onRejection = (reason: unknown) => rejections.push(reason);

beforeAll(async () => {
  etcd = await startEtcd();
  proxy = await startProxy(etcd.endpoints[0]!);
});
afterAll(async () => {
  await proxy?.close();
  await etcd?.close();
});
beforeEach(() => {
  rejections.length = 0;
  process.on('unhandledRejection', onRejection);
});
afterEach(() => {
  process.off('unhandledRejection', onRejection);
});

test.each(HOSTILE_LOGGERS)('a logger that %s disturbs neither calls nor watches (trap 24)', async (_what, loggerOf) => {
  let calls = 0;
  const logger = loggerOf(() => (calls += 1)) as Logger;
  const store = etcdV3Store({ endpoints: [proxy.endpoint], logger, retry: { initialMs: 5, maxMs: 10 } });
  const watch = store.watch({ prefix: '/logged/' });
  await watch.ready;
  // A store tells its logger of a connection that it has lost.
  proxy.cut();
  await eventually(() => {
    expect(calls).toBeGreaterThan(0);
  });
  await etcd.put('/logged/a', '1');
  const seen: string[] = [];
  for await (const { events } of watch) {
    for (const { type } of events) seen.push(type);
    if (seen.length > 0) break;
  }
  expect(seen).toEqual(['put']);
  await watch.close();
  await store.close();
  await new Promise((resolve) => setImmediate(resolve));
  expect(rejections).toEqual([]);
});

test('a logger that is no object is refused', () => {
  expect(() => etcdV3Store({ endpoints: [proxy.endpoint], logger: 'console' as never })).toThrow(
    /logger must be an object/,
  );
});

test.each(HOSTILE_RANDOM)(
  'random numbers that %s disturb neither calls nor watches (trap 24)',
  async (_what, random) => {
    const other = await startProxy(etcd.endpoints[0]!);
    const endpoints = [proxy.endpoint, other.endpoint];
    await using store = etcdV3Store({ endpoints, random, retry: { initialMs: 5, maxMs: 10 } });
    await store.put('/drawn/a', '1');
    const watch = store.watch({ prefix: '/drawn/' });
    await watch.ready;
    const states: string[] = [];
    watch.onState(({ status }) => states.push(status));
    for (const each of [proxy, other]) {
      each.refuse();
      each.cut();
    }
    await eventually(() => states.includes('interrupted'));
    for (const each of [proxy, other]) await each.allow();
    await eventually(() => watch.state.status === 'live');
    expect(await store.get('/drawn/a')).toMatchObject({ key: '/drawn/a' });
    await other.close();
    expect(rejections).toEqual([]);
  },
);

test('random that is no function is refused', () => {
  expect(() => etcdV3Store({ endpoints: [proxy.endpoint], random: 0.5 as never })).toThrow(/random must be a function/);
});
