import type { Clock } from '@holdfast/store';

/** The time to live of what is to end at a moment, in whole seconds: not sooner, and at least one. */
export function secondsUntil(end: number, clock: Clock): number {
  return Math.max(1, Math.ceil((end - clock.now()) / 1_000));
}
