import { describe, expect, test } from '@jest/globals';
import type { StoreError } from '@holdfast/store';
import { virtualClock } from '@holdfast/testkit';
import { Keepalive } from '../src/connection/keepalive.js';

type Answer = 'leader' | 'no leader' | 'silence' | 'refused';

function watched(answers: Answer[]) {
  const clock = virtualClock();
  const dead: StoreError[] = [];
  let asked = 0;
  const keepalive = new Keepalive({
    intervalMs: 10_000,
    timeoutMs: 5_000,
    clock,
    probe: (signal) => {
      const answer = answers[asked] ?? 'leader';
      asked += 1;
      if (answer === 'refused') return Promise.reject(new Error('ECONNREFUSED'));
      if (answer !== 'silence') return Promise.resolve(answer === 'leader');
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      });
    },
    onDead: (error) => dead.push(error),
  });
  return { clock, keepalive, dead, asked: () => asked };
}

test('what is dead has been so since the first question that showed it', async () => {
  const clock = virtualClock();
  const since: number[] = [];
  const answers = [true, false, false];
  const keepalive = new Keepalive({
    intervalMs: 10_000,
    timeoutMs: 5_000,
    clock,
    probe: () => Promise.resolve(answers.shift() ?? true),
    onDead: (_error, began) => since.push(began),
  });
  const start = clock.now();
  keepalive.begin();
  await clock.advance(30_000);
  expect(since).toEqual([start + 20_000]);
  keepalive.end();
});

describe('an endpoint that something waits for', () => {
  test('is asked once in a while, and left alone as long as it answers', async () => {
    const { clock, keepalive, dead, asked } = watched([]);
    keepalive.begin();
    await clock.advance(35_000);
    expect([asked(), dead]).toEqual([3, []]);
    keepalive.end();
    expect(clock.pending).toBe(0);
  });

  test('is not asked while nothing waits for it', async () => {
    const { clock, keepalive, asked } = watched([]);
    for (let index = 0; index < 5; index += 1) {
      keepalive.begin();
      await clock.advance(9_000);
      keepalive.end();
    }
    expect(clock.pending).toBe(0);
    expect(asked()).toBe(0);
  });

  test('is dead when it gives no sign of life, within the interval and the time-out', async () => {
    const { clock, keepalive, dead } = watched(['silence']);
    keepalive.begin();
    await clock.advance(14_999);
    expect(dead).toEqual([]);
    await clock.advance(1);
    expect(dead).toMatchObject([{ code: 'timeout' }]);
  });

  test('may have answered while this process was blocked: what has come is read first', async () => {
    let blockedMs = 0;
    let answer: (answer: boolean) => void = () => undefined;
    const virtual = virtualClock();
    const dead: StoreError[] = [];
    const clock = {
      now: () => virtual.now() + blockedMs,
      setTimeout: (callback: () => void, ms: number) => virtual.setTimeout(callback, ms),
      clearTimeout: (handle: unknown) => {
        virtual.clearTimeout(handle);
      },
    };
    const probe = (signal: AbortSignal) =>
      new Promise<boolean>((resolve, reject) => {
        answer = resolve;
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      });
    const keepalive = new Keepalive({
      intervalMs: 10_000,
      timeoutMs: 5_000,
      clock,
      probe,
      onDead: (e) => dead.push(e),
    });
    keepalive.begin();
    await virtual.advance(10_000);
    // The timer of the time-out fires three seconds late, and the answer is read right after it.
    blockedMs = 3_000;
    await virtual.advance(5_000);
    answer(true);
    await virtual.advance(5_000);
    expect(dead).toEqual([]);
    // The next question is not answered at all.
    await virtual.advance(5_000);
    blockedMs = 6_000;
    await virtual.advance(5_100);
    expect(dead).toMatchObject([{ code: 'timeout' }]);
  });

  test('is dead when it refuses', async () => {
    const { clock, keepalive, dead } = watched(['refused']);
    keepalive.begin();
    await clock.advance(10_000);
    expect(dead).toMatchObject([{ code: 'unavailable' }]);
  });

  test('may be without a leader for one question, which an election takes, and not for two', async () => {
    const { clock, keepalive, dead } = watched(['no leader', 'leader', 'no leader', 'no leader']);
    keepalive.begin();
    await clock.advance(30_000);
    expect(dead).toEqual([]);
    await clock.advance(10_000);
    expect(dead).toMatchObject([{ code: 'unavailable' }]);
  });

  test('is asked on after it was dead, while something still waits', async () => {
    const { clock, keepalive, dead, asked } = watched(['refused', 'leader', 'refused']);
    keepalive.begin();
    await clock.advance(30_000);
    expect([asked(), dead.length]).toEqual([3, 2]);
    keepalive.end();
    expect(clock.pending).toBe(0);
  });

  test('an answer that comes when nothing waits any more changes nothing', async () => {
    const { clock, keepalive, dead } = watched(['silence']);
    keepalive.begin();
    await clock.advance(12_000);
    keepalive.end();
    await clock.advance(60_000);
    expect(dead).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
