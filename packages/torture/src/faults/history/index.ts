import type { Fault } from '../../fault.js';

/** What happens to the history that the servers hold, and to who may read it. */
export const historyFaults: readonly Fault[] = [];
