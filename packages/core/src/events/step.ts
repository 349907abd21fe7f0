import type { AnyChange } from './change.js';
import type { Problem } from './problem.js';

/** What one step of the table came to. Everything in it is visible already. */
export interface Step {
  /** The net changes, one for each key. Left out where nobody listens: see `changed`. */
  readonly changes: readonly AnyChange[];
  /** How many keys changed. */
  readonly changed: number;
  /** The problems that are new with it. */
  readonly invalid: readonly Problem[];
}

/** On whose behalf a step is made. */
export interface StepOptions {
  /** Once it has aborted, no step is made any more. */
  readonly signal?: AbortSignal;
  /** What is to be found out while the step is prepared; `false`: it is not made. */
  readonly confirmed?: Promise<boolean>;
  /** Asked in the turn in which the step would be made; `false`: it is not, since what was read for it is out of date. */
  readonly isCurrent?: () => boolean;
  /** Called with the step in the same turn, so that nobody sees it untold. */
  readonly tell?: (step: Step) => void;
}
