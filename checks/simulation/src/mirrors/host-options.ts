import type { ConfigStore } from '@holdfast/store';
import type { Disk } from '../disks/disk.js';
import type { MirrorPlan, Plan } from '../plans/plan.js';
import type { Random } from '../plans/random.js';
import type { ClockView, SimClock } from '../sim-clock.js';
import type { Truth } from '../truth/truth.js';

/** The settings of every mirror of a world, in milliseconds. */
export const LIVENESS_MS = 3_000;
export const START_TIMEOUT_MS = 8_000;
export const SYNC_TIMEOUT_MS = 2_500;

/** The parts of the world that a mirror's host and its observers use. */
export interface HostOptions {
  readonly name: string;
  readonly plan: MirrorPlan;
  /** As its process has it. */
  readonly store: ConfigStore;
  readonly clock: SimClock;
  /** The time as its process sees it. */
  readonly view: ClockView;
  /** Of its snapshot, if it keeps one. */
  readonly disk: Disk;
  /** Whether its process has died, and was not started again. */
  readonly isDown: () => boolean;
  /** Up to where this history of the store is compacted. */
  readonly compactedAt: () => number;
  readonly backend: Plan['backend'];
  readonly background: (work: Promise<unknown>) => void;
  readonly random: Random;
  readonly truth: Truth;
  readonly trace: ((line: string) => void) | undefined;
  readonly violated: (guarantee: string, message: string) => void;
  readonly count: (fault: string) => void;
  /** Since when the mirror's process reaches no server, on the true clock. */
  readonly downSince: () => number | undefined;
  /** Whether this history was ever compacted. */
  readonly wasCompacted: () => boolean;
  /** Whether wall clocks are set in this world: then the mirror's times show nothing. */
  readonly clocksJump: boolean;
}
