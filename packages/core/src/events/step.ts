import type { AnyChange, ChangeCause } from './change.js';
import type { Problem } from './problem.js';
import type { ResyncReason } from './state.js';

/** What one step of the table came to. Everything in it is visible already. */
export interface Step {
  /** The net changes, one for each key. Left out where nobody listens: see `changed`. */
  readonly changes: readonly AnyChange[];
  /** How many keys changed. */
  readonly changed: number;
  /** The problems that are new with it. */
  readonly invalid: readonly Problem[];
}

/** The step of a read that found nothing different. */
export const NO_CHANGE: Step = Object.freeze({ changes: Object.freeze([]), changed: 0, invalid: Object.freeze([]) });

/** Where a step comes from: the first load, the watch, or a resync, by its reason. */
export type StepOrigin = 'load' | 'watch' | ResyncReason;

/** Tells users of a step. Call it in the turn in which the step is made, so that nobody sees a step before its events. */
export type Tell = (step: Step) => void;

export function isResync(origin: StepOrigin): origin is ResyncReason {
  return origin !== 'load' && origin !== 'watch';
}

export function causeOf(origin: StepOrigin): ChangeCause {
  return isResync(origin) ? 'resync' : origin;
}
