import { describe, expect, test } from '@jest/globals';
import { virtualClock } from '@holdfast/testkit';
import { SilenceDetector } from '../src/watch/silence.js';

/** A detector on a clock that can be moved without firing any timer: what a blocked process sees, and a wall clock that is set. */
function detector() {
  const virtual = virtualClock();
  const seen = { asked: 0, silentMs: [] as number[] };
  const offset = { ms: 0 };
  const clock = {
    now: () => virtual.now() + offset.ms,
    setTimeout: (callback: () => void, ms: number) => virtual.setTimeout(callback, ms),
    clearTimeout: (handle: unknown) => {
      virtual.clearTimeout(handle);
    },
  };
  const silence: SilenceDetector = new SilenceDetector(
    { clock, silenceMs: 1_000, answerMs: 500 },
    () => {
      seen.asked += 1;
      silence.expect();
    },
    (silentMs) => seen.silentMs.push(silentMs),
  );
  return { virtual, seen, offset, silence };
}

describe('a stream on which nothing comes', () => {
  test('is asked, and given up when it does not answer in time', async () => {
    const { virtual, seen } = detector();
    await virtual.advance(1_499);
    expect(seen).toEqual({ asked: 1, silentMs: [] });
    await virtual.advance(1);
    expect(seen).toEqual({ asked: 1, silentMs: [1_500] });
    expect(virtual.pending).toBe(0);
  });

  test('is not given up by a timer that a blocked process fires late: what has come is read first', async () => {
    const { virtual, seen, offset, silence } = detector();
    await virtual.advance(1_000);
    expect(seen.asked).toBe(1);
    offset.ms = 3_000;
    await virtual.advance(500);
    expect(seen.silentMs).toEqual([]);
    silence.heard();
    await virtual.advance(900);
    expect(seen).toEqual({ asked: 1, silentMs: [] });
    silence.stop();
  });

  test('is given up a moment later if nothing had come', async () => {
    const { virtual, seen, offset } = detector();
    await virtual.advance(1_000);
    offset.ms = 3_000;
    await virtual.advance(600);
    expect(seen.silentMs).toEqual([4_600]);
    expect(virtual.pending).toBe(0);
  });

  test.each([-3_600_000, 3_600_000])('is noticed in time though the wall clock is moved by %i ms', async (ms) => {
    for (const after of [0, 1_000]) {
      const { virtual, seen, offset } = detector();
      await virtual.advance(after);
      offset.ms = ms;
      await virtual.advance(3_000);
      expect([seen.asked, seen.silentMs.length]).toEqual([1, 1]);
    }
  });
});
