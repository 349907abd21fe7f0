import * as timers from 'node:timers';

// Taken once, when this is loaded: fake timers replace them later, here and in `node:timers`. A test that has stopped the time still
// waits for conditions.
const { clearTimeout, setImmediate, setTimeout } = { ...timers };
const now = performance.now.bind(performance);

/** Node's own timers, whatever a test has put in their place. All times are in milliseconds. */
export const realTimers = { clearTimeout, now, setImmediate, setTimeout };
