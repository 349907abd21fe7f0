import type { Clock } from '@holdfast/store';
import { systemClock } from '@holdfast/store/adapter';

/** Shorter times are pauses of the store's own. */
const WAITING_MS = 1_000;
const FACTOR = 30;
const MOST_MS = 2 ** 31 - 1;

/**
 * For a store whose answers are compared: it waits for long until it does without one. A server of a machine that stands still would be asked in vain
 * how far it is compacted, and the store would tell the lowest revision that is possible.
 */
export const patientClock: Clock = {
  ...systemClock,
  setTimeout: (callback, ms) => systemClock.setTimeout(callback, ms < WAITING_MS ? ms : Math.min(FACTOR * ms, MOST_MS)),
};
