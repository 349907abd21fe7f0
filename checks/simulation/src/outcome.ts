import type { Violation } from '@holdfast/testkit';
import type { Stats } from './stats.js';

/** What came of a plan. */
export interface Outcome {
  readonly violations: readonly Violation[];
  /** There were violations, and two histories that nobody can tell apart: see `haveTwins`. */
  readonly isSetAside: boolean;
  readonly stats: Stats;
  /** What went wrong, and how often. */
  readonly faults: Readonly<Record<string, number>>;
  /** How everything came to be live and equal; absent where it did not. */
  readonly convergence?: Convergence;
}

export interface Convergence {
  /** From the end of the last fault, in virtual milliseconds. */
  readonly ms: number;
  /** What had gone wrong shortly before. */
  readonly after: readonly string[];
}
