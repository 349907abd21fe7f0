import type { ConfigStore } from '@holdfast/store';
import type { MirrorPlan } from './plan.js';
import type { Random } from './random.js';
import type { ClockView, SimClock } from './sim-clock.js';
import type { Truth } from './truth.js';

/** What every mirror of a world is opened with, in milliseconds. */
export const LIVENESS_MS = 3_000;
export const START_TIMEOUT_MS = 8_000;
export const SYNC_TIMEOUT_MS = 2_500;

/** What a mirror's host, and those who look at the mirror for it, have of the world. */
export interface HostOptions {
  readonly name: string;
  readonly plan: MirrorPlan;
  readonly store: ConfigStore;
  readonly clock: SimClock;
  readonly view: ClockView;
  readonly random: Random;
  readonly truth: Truth;
  readonly trace: ((line: string) => void) | undefined;
  readonly violated: (guarantee: string, message: string) => void;
  readonly count: (fault: string) => void;
  /** Whether anything of this history was compacted. */
  readonly wasCompacted: () => boolean;
  /** Whether somebody sets the wall clocks: what the mirror says of times then says nothing. */
  readonly clocksJump: boolean;
}
