import { describe, expect, test } from '@jest/globals';
import { virtualClock } from '@holdfast/testkit';

describe('the virtual clock', () => {
  test('stands still until it is advanced', async () => {
    const clock = virtualClock(1_000);
    expect(clock.now()).toBe(1_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(clock.now()).toBe(1_000);
    await clock.advance(250);
    expect(clock.now()).toBe(1_250);
  });

  test('fires timers in order of time, then of setting, each at its own moment', async () => {
    const clock = virtualClock(0);
    const fired: string[] = [];
    const note = (name: string) => () => void fired.push(`${name}@${clock.now()}`);
    clock.setTimeout(note('late'), 30);
    clock.setTimeout(note('first of two'), 10);
    clock.setTimeout(note('second of two'), 10);
    clock.setTimeout(note('not yet'), 31);
    await clock.advance(30);
    expect(fired).toEqual(['first of two@10', 'second of two@10', 'late@30']);
    expect(clock.pending).toBe(1);
    expect(clock.nextAt).toBe(31);
  });

  test('fires timers that are set on the way, and lets promises settle in between', async () => {
    const clock = virtualClock(0);
    const ticks: number[] = [];
    const sleep = (ms: number) => new Promise<void>((resolve) => clock.setTimeout(resolve, ms));
    const loop = (async () => {
      while (ticks.length < 5) {
        await sleep(10);
        ticks.push(clock.now());
      }
    })();
    await clock.advance(100);
    await loop;
    expect(ticks).toEqual([10, 20, 30, 40, 50]);
  });

  test('a cleared timer neither fires nor counts as pending', async () => {
    const clock = virtualClock();
    let fired = false;
    const handle = clock.setTimeout(() => (fired = true), 5);
    expect(clock.pending).toBe(1);
    clock.clearTimeout(handle);
    clock.clearTimeout(undefined);
    expect(clock.pending).toBe(0);
    expect(clock.nextAt).toBeUndefined();
    await clock.advance(10);
    expect(fired).toBe(false);
  });

  test('a timer without a delay waits for the clock too', async () => {
    const clock = virtualClock();
    let fired = false;
    clock.setTimeout(() => (fired = true), -1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(fired).toBe(false);
    await clock.advance(0);
    expect(fired).toBe(true);
  });

  test('a timer that throws rejects the advance that fired it', async () => {
    const clock = virtualClock();
    clock.setTimeout(() => {
      throw new Error('from the timer');
    }, 1);
    await expect(clock.advance(1)).rejects.toThrow('from the timer');
  });

  test('time does not go backwards', async () => {
    await expect(virtualClock().advance(-1)).rejects.toThrow('only moves forward');
    await expect(virtualClock().advance(Number.NaN)).rejects.toThrow(RangeError);
  });
});
