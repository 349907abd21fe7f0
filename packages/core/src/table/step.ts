import type { AnyChange } from '../events/change.js';
import type { Problem } from '../events/problem.js';

/** The result of one step of the table. All of it is visible already. */
export interface Step {
  /** The net changes, one for each key. Empty if nobody listens; `changed` counts them all the same. */
  readonly changes: readonly AnyChange[];
  /** The number of changed keys. */
  readonly changed: number;
  /** The new problems. */
  readonly invalid: readonly Problem[];
}

/** Conditions of a step, and whom to tell. */
export interface StepOptions {
  /** After its abort, no step is made any more. */
  readonly signal?: AbortSignal;
  /** Awaited while the step is prepared. If it resolves to `false`, no step is made. */
  readonly confirmed?: Promise<boolean>;
  /** Asked right before the step, in the same turn. If `false`, the read is out of date, and no step is made. */
  readonly isCurrent?: () => boolean;
  /** Called with the step in the same turn: nobody sees the step before its listeners. */
  readonly tell?: (step: Step) => void;
}
