import * as timers from 'node:timers';

// Taken once, when this is loaded: fake timers of tests replace them later, here and in `node:timers`. A turn of the event loop is no
// time, and whether a process ends is no matter of its clock: neither waits for a test to move its clock on.
const { clearInterval, queueMicrotask, setImmediate, setInterval } = {
  ...timers,
  queueMicrotask: globalThis.queueMicrotask,
};

/** Runs an action in the next turn of the event loop, whatever a test has put in place of `setImmediate`. */
export function inNextTurn(action: () => void): void {
  setImmediate(action);
}

/** Resolves in the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Runs an action in this turn of the event loop, after the present call, whatever a test has put in place of `queueMicrotask`. */
export function inThisTurn(action: () => void): void {
  queueMicrotask(action);
}

/** @internal Node's own intervals. */
export const realIntervals = { setInterval, clearInterval };
