/** Time as the library sees it. Tests replace it. All times are in milliseconds. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since any fixed moment, unaffected by changes of the wall clock. Without it, `now` is used. */
  monotonic?(): number;
  setTimeout(callback: () => void, delayMs: number): TimerHandle;
  clearTimeout(handle: TimerHandle): void;
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
};
