import type { Clock } from '@holdfast/store';
import { monotonicMs, systemClock } from '@holdfast/store/adapter';

const PACE = 10;

/** The system's clock at a tenth of its pace: a server or a process that stands still for seconds stays within all limits of a store. */
export const slowClock: Clock = {
  now: () => systemClock.now() / PACE,
  monotonic: () => monotonicMs(systemClock) / PACE,
  setTimeout: (callback, delayMs) => systemClock.setTimeout(callback, delayMs * PACE),
  clearTimeout: (handle) => {
    systemClock.clearTimeout(handle);
  },
};
