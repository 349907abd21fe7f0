import { setMaxListeners } from 'node:events';
import { virtualClock, type VirtualClock } from '@holdfast/testkit';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { CommonTimer, type Rest } from '../src/util/common-timer.js';

describe('one timer for many', () => {
  let clock: VirtualClock;
  let start: number;
  let timer: CommonTimer;
  let woken: Map<string, number>;
  let controller: AbortController;
  beforeEach(() => {
    clock = virtualClock();
    start = clock.now();
    timer = new CommonTimer(clock);
    woken = new Map();
    controller = new AbortController();
    setMaxListeners(0, controller.signal);
  });

  function sleep(name: string, rest: Rest, signal = controller.signal): Promise<void> {
    return timer.sleep(rest, signal).then(() => void woken.set(name, clock.now() - start));
  }

  test('one alone is woken when it would be', async () => {
    void sleep('a', { earliestMs: 80, preferredMs: 93, latestMs: 100 });
    await clock.advance(92);
    expect(woken.size).toBe(0);
    await clock.advance(1);
    expect(woken.get('a')).toBe(93);
    expect(clock.pending).toBe(0);
  });

  test('the first takes along whoever may be woken, and nobody else', async () => {
    void sleep('first', { earliestMs: 80, preferredMs: 90, latestMs: 100 });
    void sleep('may be', { earliestMs: 85, preferredMs: 110, latestMs: 120 });
    void sleep('may not be', { earliestMs: 95, preferredMs: 110, latestMs: 120 });
    expect(clock.pending).toBe(1);
    await clock.advance(200);
    expect([...woken]).toEqual([
      ['first', 90],
      ['may be', 90],
      ['may not be', 110],
    ]);
  });

  test('who comes later and can wait less is not kept waiting', async () => {
    void sleep('long', { earliestMs: 800, preferredMs: 900, latestMs: 1_000 });
    await clock.advance(10);
    void sleep('short', { earliestMs: 0, preferredMs: 5, latestMs: 10 });
    await clock.advance(2_000);
    expect([...woken]).toEqual([
      ['short', 15],
      ['long', 900],
    ]);
  });

  test('nobody is woken before its time, nor after it, whoever else there is', async () => {
    let drawn = 7;
    const draw = (below: number) => (drawn = (drawn * 16_807) % 2_147_483_647) % below;
    const limits = new Map<string, { from: number; to: number }>();
    for (let index = 0; index < 40; index += 1) {
      const earliestMs = draw(500);
      const preferredMs = earliestMs + draw(100);
      const latestMs = preferredMs + draw(100);
      const now = clock.now() - start;
      limits.set(String(index), { from: now + earliestMs, to: now + latestMs });
      void sleep(String(index), { earliestMs, preferredMs, latestMs });
      await clock.advance(draw(20));
    }
    await clock.advance(1_000);
    expect(woken.size).toBe(40);
    for (const [name, at] of woken) {
      expect(at).toBeGreaterThanOrEqual(limits.get(name)!.from);
      expect(at).toBeLessThanOrEqual(limits.get(name)!.to);
    }
    expect(clock.pending).toBe(0);
  });

  test('nobody sleeps through a clock that is set back', async () => {
    let setBack = 0;
    const told = clock.now.bind(clock);
    timer = new CommonTimer({
      now: () => told() - setBack,
      setTimeout: (callback, ms) => clock.setTimeout(callback, ms),
      clearTimeout: (handle) => {
        clock.clearTimeout(handle);
      },
    });
    void sleep('a', { earliestMs: 80, preferredMs: 90, latestMs: 100 });
    void sleep('b', { earliestMs: 180, preferredMs: 190, latestMs: 200 });
    void sleep('c', { earliestMs: 280, preferredMs: 290, latestMs: 300 });
    await clock.advance(50);
    setBack = 3_600_000;
    await clock.advance(500);
    expect([...woken.keys()]).toEqual(['a', 'b', 'c']);
    expect(woken.get('b')).toBe(190);
    expect(woken.get('c')).toBe(290);
  });

  test('a thousand are woken in several turns', async () => {
    for (let index = 0; index < 1_000; index += 1) {
      void sleep(String(index), { earliestMs: 80, preferredMs: 90, latestMs: 100 });
    }
    await clock.advance(1_000);
    const turns = new Map<number, number>();
    for (const at of woken.values()) turns.set(at, (turns.get(at) ?? 0) + 1);
    expect(woken.size).toBe(1_000);
    expect(Math.max(...turns.values())).toBeLessThanOrEqual(50);
    expect(Math.max(...turns.keys())).toBeLessThan(120);
  });

  test('the moment is the wish of the one who can wait least, not the earliest wish of all (M9)', async () => {
    void sleep('a', { earliestMs: 80, preferredMs: 98, latestMs: 100 });
    for (let index = 0; index < 10; index += 1) {
      void sleep(String(index), { earliestMs: 80, preferredMs: 81 + index, latestMs: 101 });
    }
    await clock.advance(97);
    expect(woken.size).toBe(0);
    await clock.advance(1);
    expect(woken.size).toBe(11);
  });

  test('who gives up is told why, and leaves nothing behind', async () => {
    const reason = new Error('closing');
    const other = new AbortController();
    const one = sleep('a', { earliestMs: 0, preferredMs: 10, latestMs: 10 });
    const two = sleep('b', { earliestMs: 0, preferredMs: 20, latestMs: 20 }, other.signal);
    controller.abort(reason);
    await expect(one).rejects.toBe(reason);
    await expect(sleep('c', { earliestMs: 0, preferredMs: 1, latestMs: 1 })).rejects.toBe(reason);
    await clock.advance(10);
    await clock.advance(10);
    await two;
    expect(clock.pending).toBe(0);
    const three = sleep('d', { earliestMs: 0, preferredMs: 20, latestMs: 20 }, other.signal);
    other.abort(reason);
    await expect(three).rejects.toBe(reason);
    expect(clock.pending).toBe(0);
  });
});
