// Tests of applications put fake timers in place of Node's. What needs only a turn of the event loop goes on all the same, and time
// passes when the test says so.
import { afterEach, expect, jest, test } from '@jest/globals';
import { mirror, text } from '@holdfast/core';
import { memoryStore } from '@holdfast/memory';
import { eventually, virtualClock } from '@holdfast/testkit';
import { runInChild } from './child.js';

const realTimeout = setTimeout;

/** What the promise gives, or `still waiting` after a minute of real time. */
function orStillWaiting<T>(promise: Promise<T>): Promise<T | 'still waiting'> {
  const late = new Promise<'still waiting'>((resolve) => {
    realTimeout(resolve, 60_000, 'still waiting').unref();
  });
  return Promise.race([promise, late]);
}

afterEach(() => {
  jest.useRealTimers();
});

test("with Jest's fake timers sync() resolves, and a put is seen without any time passing", async () => {
  jest.useFakeTimers();
  const store = memoryStore();
  const mirrored = await mirror(store, { prefix: '/', codec: text() });
  await store.put('/a', '1');
  await mirrored.sync();
  expect(mirrored.get('a')?.value).toBe('1');
  await mirrored.close();
  await store.close();
});

test("with Jest's fake timers a lease expires when its time has passed, and a watch tells it", async () => {
  jest.useFakeTimers();
  const store = memoryStore();
  const mirrored = await mirror(store, { prefix: '/', codec: text() });
  await store.put('/leased', '1', { ttl: 10 });
  await mirrored.sync();
  await jest.advanceTimersByTimeAsync(9_000);
  expect(mirrored.has('leased')).toBe(true);
  await jest.advanceTimersByTimeAsync(2_000);
  await mirrored.sync();
  expect(mirrored.has('leased')).toBe(false);
  await mirrored.close();
  await store.close();
});

test("with Jest's fake timers a virtual clock advances, and `eventually` waits by the real clock", async () => {
  jest.useFakeTimers();
  const clock = virtualClock(0);
  let fired = false;
  clock.setTimeout(() => (fired = true), 10);
  await expect(orStillWaiting(clock.advance(10).then(() => fired))).resolves.toBe(true);
  let tries = 0;
  await expect(orStillWaiting(eventually(() => (tries += 1) > 2 && 'held', { intervalMs: 1 }))).resolves.toBe('held');
  await expect(
    orStillWaiting(eventually(() => false, { timeoutMs: 5, intervalMs: 1 }).catch(() => 'gave up')),
  ).resolves.toBe('gave up');
});

test('with the mock timers of node:test a lease expires when its time has passed', async () => {
  expect(await runInChild('mock-timers', undefined, { endsWithinMs: 25_000 })).toEqual([true, true, false]);
});
