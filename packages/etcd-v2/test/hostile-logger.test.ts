import { etcdV2Store } from '@holdfast/etcd-v2';
import type { Logger } from '@holdfast/store';
import { eventually } from '@holdfast/testkit';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { HOSTILE_LOGGERS } from '../../etcd-common/test/support/hostile-loggers.js';
import { HOSTILE_RANDOM } from '../../etcd-common/test/support/hostile-random.js';
import { etcdHeaders, HostileServer, notFound } from './support/hostile-server.js';

// Nobody listens there: a store tells its logger of that.
const ENDPOINT = 'http://127.0.0.1:1';

const rejections: unknown[] = [];
const onRejection = (reason: unknown) => rejections.push(reason);
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
  const store = etcdV2Store({ endpoints: [ENDPOINT], logger, timeouts: { connectMs: 200 } });
  const watch = store.watch({ prefix: '/' });
  await expect(store.get('/a', { timeoutMs: 300 })).rejects.toMatchObject({
    code: expect.stringMatching(/^(unavailable|timeout)$/),
  });
  await eventually(() => {
    expect(calls).toBeGreaterThan(0);
  });
  expect(watch.state.status).not.toBe('closed');
  await watch.close();
  await store.close();
  await new Promise((resolve) => setImmediate(resolve));
  expect(rejections).toEqual([]);
});

test('a logger that is no object is refused', () => {
  expect(() => etcdV2Store({ endpoints: [ENDPOINT], logger: 'console' as never })).toThrow(/logger must be an object/);
});

test.each(HOSTILE_RANDOM)(
  'random numbers that %s disturb neither calls nor watches (trap 24)',
  async (_what, random) => {
    let asked = 0;
    await using server = await HostileServer.start(({ path }) => {
      if ((asked += 1) < 5) return 'cut';
      return path.includes('wait=true') ? { status: 200, headers: etcdHeaders(), headOnly: true } : notFound('/a');
    });
    const retry = { attempts: 6, initialMs: 5, maxMs: 10 };
    const timeouts = { connectMs: 60_000 };
    await using store = etcdV2Store({ endpoints: [server.endpoint, ENDPOINT], random, retry, timeouts });
    const watch = store.watch({ prefix: '/a/' });
    expect(await store.get('/a/x')).toBeUndefined();
    await watch.ready;
    await watch.close();
    expect(rejections).toEqual([]);
  },
);

test('random that is no function is refused', () => {
  expect(() => etcdV2Store({ endpoints: [ENDPOINT], random: 0.5 as never })).toThrow(/random must be a function/);
});

test('a write that waits for a user that is never told was not applied', async () => {
  const auth = () => new Promise<never>(() => undefined);
  await using store = etcdV2Store({ endpoints: [ENDPOINT], auth });
  await expect(store.put('/a', '1', { timeoutMs: 50 })).rejects.toMatchObject({
    code: 'timeout',
    outcome: 'not-applied',
  });
});
