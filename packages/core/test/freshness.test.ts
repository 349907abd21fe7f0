import { virtualClock } from '@holdfast/testkit';
import { expect, test } from '@jest/globals';
import { Freshness } from '../src/runtime/freshness.js';

test('a proof counts from where its read began, and no older one takes it back', async () => {
  const clock = virtualClock();
  let expired = 0;
  const freshness = new Freshness(clock, 1_000, () => (expired += 1));
  expect(freshness.isRecent).toBe(false);
  const older = freshness.begin();
  await clock.advance(300);
  const newer = freshness.begin();
  await clock.advance(300);
  expect(freshness.prove(newer)).toBe(true);
  expect(freshness.asOf).toBe(newer.at);
  freshness.prove(older);
  expect(freshness.asOf).toBe(newer.at);
  await clock.advance(699);
  expect([freshness.isRecent, expired]).toEqual([true, 0]);
  await clock.advance(1);
  expect([freshness.isRecent, expired]).toEqual([false, 1]);
});

test('two reads that began in one millisecond are told apart', async () => {
  const freshness = new Freshness(virtualClock(), 1_000, () => undefined);
  const before = freshness.begin();
  const after = freshness.begin();
  let isReached = false;
  const waiting = freshness.until(after, new AbortController().signal).then(() => (isReached = true));
  freshness.prove(before);
  await Promise.resolve();
  expect(isReached).toBe(false);
  freshness.prove(after);
  await waiting;
  freshness.stop();
});

test('a read that ends after the mirror was closed starts no timer any more', async () => {
  const clock = virtualClock();
  const freshness = new Freshness(clock, 1_000, () => undefined);
  const mark = freshness.begin();
  freshness.prove(mark);
  expect(clock.pending).toBe(1);
  const late = freshness.begin();
  freshness.stop();
  expect(clock.pending).toBe(0);
  freshness.prove(late);
  expect(clock.pending).toBe(0);
});

test('what ran out while the process was blocked is noticed by who asks, before any timer fires, and once', async () => {
  const clock = virtualClock();
  let blockedMs = 0;
  let expired = 0;
  const blocked = {
    now: () => clock.now() + blockedMs,
    setTimeout: (callback: () => void, ms: number) => clock.setTimeout(callback, ms),
    clearTimeout: (handle: unknown) => {
      clock.clearTimeout(handle);
    },
  };
  const freshness = new Freshness(blocked, 1_000, () => (expired += 1));
  freshness.notice();
  freshness.prove(freshness.begin());
  blockedMs = 999;
  freshness.notice();
  expect(expired).toBe(0);
  blockedMs = 5_000;
  freshness.notice();
  freshness.notice();
  expect(expired).toBe(1);
  await clock.advance(1_000);
  expect([expired, clock.pending]).toEqual([1, 0]);
  freshness.prove(freshness.begin());
  expect(freshness.isRecent).toBe(true);
  freshness.stop();
});

test('a wall clock that is set back makes no proof last longer', async () => {
  const clock = virtualClock();
  let offset = 0;
  let expired = 0;
  const view = {
    now: () => clock.now() + offset,
    setTimeout: (callback: () => void, ms: number) => clock.setTimeout(callback, ms),
    clearTimeout: (handle: unknown) => {
      clock.clearTimeout(handle);
    },
  };
  const freshness = new Freshness(view, 1_000, () => (expired += 1));
  freshness.prove(freshness.begin());
  offset = -3_600_000;
  const mark = freshness.begin();
  freshness.prove(mark);
  expect(freshness.asOf).toBe(mark.at);
  await clock.advance(1_000);
  expect(expired).toBe(1);
});
