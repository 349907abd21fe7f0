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

/** The process's own clock. Its timers keep the process alive until they are cleared. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (handle) => {
    clearTimeout(handle as NodeJS.Timeout);
  },
  // Fake timers of browsers are numbers.
  unref: (handle) => (handle as Partial<NodeJS.Timeout>).unref?.(),
};

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
    ...(clock.monotonic !== undefined && { monotonic: () => clock.monotonic?.() ?? clock.now() }),
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
