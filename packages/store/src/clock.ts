/** Time as the library sees it. Tests replace it. All times are in milliseconds. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since any fixed moment, unaffected by changes of the wall clock. Without it, `now` is used. */
  monotonic?(): number;
  setTimeout(callback: () => void, delayMs: number): TimerHandle;
  clearTimeout(handle: TimerHandle): void;
  /** Lets the process end although the timer is set. Without this method, each timer keeps the process alive until it is cleared. */
  unref?(handle: TimerHandle): void;
}

/** Opaque: the value that the clock's `setTimeout` returned. */
export type TimerHandle = unknown;

/** The longest delay of Node's timers, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;
/** Node's timers fire up to a millisecond early. */
const EARLY_MS = 5;

/** By how many milliseconds timers have run ahead of `performance.now()`, which some fake timers don't move on with them. */
let ahead = 0;
const elapsed = (): number => performance.now() + ahead;

/** A timer has fired: by this clock it is that late, or what waits for the time would wait for ever. */
function catchUp(due: number): void {
  const early = due - elapsed();
  if (early > EARLY_MS) ahead += early;
}

/** The process's own clock. Its timers keep the process alive until they are cleared. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => elapsed(),
  setTimeout: (callback, delayMs) => {
    const due = elapsed() + delayMs;
    return setTimeout(() => {
      // A longer delay fires at once.
      if (delayMs <= LONGEST_MS) catchUp(due);
      callback();
    }, delayMs);
  },
  clearTimeout: (handle) => {
    clearTimeout(handle as NodeJS.Timeout);
  },
  // Fake timers of browsers are numbers.
  unref: (handle) => (handle as Partial<NodeJS.Timeout>).unref?.(),
};

/** Milliseconds since a moment of the clock's own: what durations are measured by. */
export function monotonicMs(clock: Clock): number {
  return clock.monotonic?.() ?? clock.now();
}

const backgrounds = new WeakMap<Clock, Clock>();

/**
 * The same clock, whose timers don't keep the process alive. For the timers of stores and mirrors: whether the process lives on is
 * decided by open watches and calls under way, with {@link holdProcess}. The same object for the same clock.
 */
export function backgroundClock(clock: Clock): Clock {
  if (clock.unref === undefined) return clock;
  let background = backgrounds.get(clock);
  if (background === undefined) {
    background = makeBackground(clock);
    backgrounds.set(clock, background);
    backgrounds.set(background, background);
  }
  return background;
}

function makeBackground(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    ...(clock.monotonic !== undefined && { monotonic: () => monotonicMs(clock) }),
    setTimeout: (callback, delayMs) => {
      const handle = clock.setTimeout(callback, delayMs);
      clock.unref?.(handle);
      return handle;
    },
    clearTimeout: (handle) => {
      clock.clearTimeout(handle);
    },
    unref: (handle) => clock.unref?.(handle),
  };
}
