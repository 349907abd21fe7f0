import type { Clock } from '@holdfast/store';
import { virtualClock } from '@holdfast/testkit';
import { expect, test } from '@jest/globals';
import { Alarm } from '../src/util/alarm.js';

test('a rest is as long as it is, wherever the wall clock is set to meanwhile, and whether it rings or not', async () => {
  const clock = virtualClock();
  let back = 0;
  const wall: Clock = {
    now: () => clock.now() - back,
    setTimeout: (callback, ms) => clock.setTimeout(callback, ms),
    clearTimeout: (timer) => {
      clock.clearTimeout(timer);
    },
  };
  const alarm = new Alarm(wall);
  let rested = 0;
  void alarm.rest(1_000).then(() => (rested += 1));
  back = 86_400_000;
  alarm.ring();
  await clock.advance(999);
  expect(rested).toBe(0);
  await clock.advance(1);
  expect(rested).toBe(1);
  void alarm.rest(1_000).then(() => (rested += 1));
  alarm.stop();
  await clock.advance(0);
  expect(rested).toBe(2);
});
