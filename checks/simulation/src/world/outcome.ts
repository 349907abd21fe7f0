import type { Violation } from '@holdfast/testkit';
import type { Stats } from './stats.js';

/** The result of a plan. */
export interface Outcome {
  readonly violations: readonly Violation[];
  /** Whether there were violations, and also two histories that can't be distinguished: see `haveTwins`. */
  readonly isSetAside: boolean;
  readonly stats: Stats;
  /** Fault → how often it happened. */
  readonly faults: Readonly<Record<string, number>>;
  /** How everything became live and equal; absent if it did not. */
  readonly convergence?: Convergence;
}

export interface Convergence {
  /** From the end of the last fault, in virtual milliseconds. */
  readonly ms: number;
  /** The faults shortly before. */
  readonly after: readonly string[];
}
