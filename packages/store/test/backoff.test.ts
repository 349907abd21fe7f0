import { describe, expect, jest, test } from '@jest/globals';
import { StoreError } from '@holdfast/store';
import { Backoff, Fifo, sleep } from '@holdfast/store/adapter';

describe('back-off', () => {
  test('the ceiling doubles up to its maximum, and a reset starts over', () => {
    const backoff = new Backoff({ initialMs: 100, maxMs: 500, random: () => 1 });
    expect([1, 2, 3, 4].map(() => backoff.next())).toEqual([100, 200, 400, 500]);
    backoff.reset();
    expect([backoff.attempts, backoff.next()]).toEqual([0, 100]);
  });

  test('a delay is drawn from the whole interval, but never zero', () => {
    expect(new Backoff({ initialMs: 100, random: () => 0 }).next()).toBe(10);
    expect(new Backoff({ initialMs: 100, random: () => 0.5 }).next()).toBeCloseTo(55);
  });

  test('stays at its maximum however often it is asked', () => {
    const backoff = new Backoff({ maxMs: 500, random: () => 1 });
    for (let i = 0; i < 2_000; i++) backoff.next();
    expect(backoff.next()).toBe(500);
  });
});

describe('sleep', () => {
  test('an abort ends it at once and clears its timer', async () => {
    const clock = { now: () => 0, setTimeout: () => 'timer', clearTimeout: jest.fn() };
    const controller = new AbortController();
    const slept = sleep(clock, 1_000, controller.signal);
    const reason = new StoreError('closed', 'done');
    controller.abort(reason);
    await expect(slept).rejects.toBe(reason);
    expect(clock.clearTimeout).toHaveBeenCalledWith('timer');
    await expect(sleep(clock, 1_000, controller.signal)).rejects.toBe(reason);
  });
});

describe('fifo', () => {
  test('keeps order and length through many turns', () => {
    const fifo = new Fifo<{ n: number }>();
    let next = 0;
    for (let n = 0; n < 1_000; n++) {
      fifo.push({ n });
      if (n % 3 === 2) expect(fifo.shift()?.n).toBe(next++);
    }
    expect([fifo.length, fifo.last()?.n]).toEqual([1_000 - next, 999]);
    while (fifo.length > 0) expect(fifo.shift()?.n).toBe(next++);
    expect([fifo.shift(), fifo.last(), next]).toEqual([undefined, undefined, 1_000]);
  });
});
