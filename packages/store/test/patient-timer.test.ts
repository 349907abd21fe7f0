import { describe, expect, test } from '@jest/globals';
import type { Clock } from '@holdfast/store';
import { PatientTimer, withDeadline } from '@holdfast/store/adapter';
import { StoreError } from '@holdfast/store';

/** A clock of a process that may stand still: then what is due fires late, and all of it at once. */
class StallingClock implements Clock {
  #now = 0;
  readonly #timers = new Map<object, { readonly at: number; readonly callback: () => void }>();

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, delayMs: number): object {
    const handle = {};
    this.#timers.set(handle, { at: this.#now + delayMs, callback });
    return handle;
  }

  clearTimeout(handle: unknown): void {
    this.#timers.delete(handle as object);
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Time passes, and each timer fires when it is due. */
  run(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].sort(([, a], [, b]) => a.at - b.at);
      if (next === undefined || next[1].at > until) break;
      this.#now = next[1].at;
      this.#timers.delete(next[0]);
      next[1].callback();
    }
    this.#now = until;
  }

  /** The process stands still; after that, timers fire that were due by then. */
  stall(ms: number): void {
    this.#now += ms;
    const due = [...this.#timers].filter(([, { at }]) => at <= this.#now);
    for (const [handle] of due) this.#timers.delete(handle);
    for (const [, { callback }] of due) callback();
  }
}

function timed(ms: number): { readonly clock: StallingClock; readonly timer: PatientTimer; readonly over: number[] } {
  const clock = new StallingClock();
  const over: number[] = [];
  const timer = new PatientTimer(clock, ms, () => over.push(clock.now()));
  return { clock, timer, over };
}

describe('a patient time limit', () => {
  test.each([1, 499, 500, 501, 5_000, 5_250])(
    'of %d ms is over then, if the process is never kept from its work',
    (ms) => {
      const { clock, over } = timed(ms);
      clock.run(ms - 1);
      expect(over).toEqual([]);
      clock.run(10_000);
      expect(over).toEqual([ms]);
      expect(clock.pending).toBe(0);
    },
  );

  test('does not count the time for which the process stands still', () => {
    const { clock, over } = timed(5_000);
    clock.run(1_000);
    clock.stall(3_600_000);
    // One step has passed with it.
    clock.run(3_499);
    expect(over).toEqual([]);
    clock.run(1);
    expect(over).toEqual([3_605_000 - 500]);
  });

  test('counts each turn as one step where every turn takes long', () => {
    const { clock, over } = timed(5_000);
    for (let turn = 0; turn < 9; turn += 1) clock.stall(2_000);
    expect(over).toEqual([]);
    clock.run(600);
    expect(over).toHaveLength(1);
  });

  test('lets what has come be read once, where its last timer is late', () => {
    const { clock, over } = timed(400);
    clock.stall(60_000);
    expect(over).toEqual([]);
    clock.stall(60_000);
    expect(over).toEqual([120_000]);
  });

  test('that is stopped is never over', () => {
    const { clock, timer, over } = timed(5_000);
    clock.run(4_999);
    timer.stop();
    clock.run(10_000);
    expect(over).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('of work that is extended begins anew, and leaves no timer', async () => {
    const clock = new StallingClock();
    const late = () => new StoreError('timeout', 'late');
    const options = { clock, ms: 1_000, signal: undefined, late, isPatient: true };
    const working = withDeadline(options, async (deadline) => {
      clock.run(999);
      deadline.extend();
      clock.run(999);
      deadline.suspend();
      clock.run(5_000);
      return Promise.resolve('done');
    });
    await expect(working).resolves.toBe('done');
    expect(clock.pending).toBe(0);
    const overdue = withDeadline(options, () => new Promise(() => undefined));
    clock.run(1_000);
    await expect(overdue).rejects.toMatchObject({ code: 'timeout' });
  });
});
