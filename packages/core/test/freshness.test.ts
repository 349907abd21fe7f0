import { virtualClock } from '@holdfast/testkit';
import { expect, test } from '@jest/globals';
import { Evidence } from '../src/runtime/freshness.js';

test('a proof counts from where its read began, and no older one takes it back', async () => {
  const clock = virtualClock();
  let expired = 0;
  const evidence = new Evidence(clock, 1_000, () => (expired += 1));
  expect(evidence.isRecent).toBe(false);
  const older = evidence.begin();
  await clock.advance(300);
  const newer = evidence.begin();
  await clock.advance(300);
  expect(evidence.prove(newer)).toBe(true);
  expect(evidence.asOf).toBe(newer.at);
  evidence.prove(older);
  expect(evidence.asOf).toBe(newer.at);
  await clock.advance(699);
  expect([evidence.isRecent, expired]).toEqual([true, 0]);
  await clock.advance(1);
  expect([evidence.isRecent, expired]).toEqual([false, 1]);
});

test('two reads that began in one millisecond are told apart', async () => {
  const evidence = new Evidence(virtualClock(), 1_000, () => undefined);
  const before = evidence.begin();
  const after = evidence.begin();
  let isReached = false;
  const waiting = evidence.until(after, new AbortController().signal).then(() => (isReached = true));
  evidence.prove(before);
  await Promise.resolve();
  expect(isReached).toBe(false);
  evidence.prove(after);
  await waiting;
  evidence.stop();
});

test('a read that ends after the mirror was closed starts no timer any more', async () => {
  const clock = virtualClock();
  const evidence = new Evidence(clock, 1_000, () => undefined);
  const mark = evidence.begin();
  evidence.prove(mark);
  expect(clock.pending).toBe(1);
  const late = evidence.begin();
  evidence.stop();
  expect(clock.pending).toBe(0);
  evidence.prove(late);
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
  const evidence = new Evidence(blocked, 1_000, () => (expired += 1));
  evidence.notice();
  evidence.prove(evidence.begin());
  blockedMs = 999;
  evidence.notice();
  expect(expired).toBe(0);
  blockedMs = 5_000;
  evidence.notice();
  evidence.notice();
  expect(expired).toBe(1);
  await clock.advance(1_000);
  expect([expired, clock.pending]).toEqual([1, 0]);
  evidence.prove(evidence.begin());
  expect(evidence.isRecent).toBe(true);
  evidence.stop();
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
  const evidence = new Evidence(view, 1_000, () => (expired += 1));
  evidence.prove(evidence.begin());
  offset = -3_600_000;
  const mark = evidence.begin();
  evidence.prove(mark);
  expect(evidence.asOf).toBe(mark.at);
  await clock.advance(1_000);
  expect(expired).toBe(1);
});
