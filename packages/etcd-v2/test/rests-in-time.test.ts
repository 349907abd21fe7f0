import { expect, test } from '@jest/globals';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { reservePort, virtualClock } from '@holdfast/testkit';
import { failure } from '../../etcd-common/test/support/failure.js';
import { whileTimePasses } from '../../etcd-common/test/support/while-time-passes.js';

test('a call that reaches no endpoint fails when connectMs is over, and not after the pause that had begun', async () => {
  const nobody = await reservePort();
  const clock = virtualClock();
  const began = clock.now();
  await using store = etcdV2Store({
    endpoints: [`http://127.0.0.1:${nobody.port}`],
    timeouts: { connectMs: 60_000 },
    // The second pause would end after a hundred seconds.
    retry: { initialMs: 40_000, maxMs: 60_000 },
    random: () => 0.999,
    clock,
  });
  const stepMs = 100;
  const error = await whileTimePasses(clock, failure(store.get('/x')), stepMs);
  expect(error).toMatchObject({ code: 'unavailable', retryable: true });
  expect(clock.now() - began).toBeLessThan(60_000 + 10_000);
  nobody.release();
});
