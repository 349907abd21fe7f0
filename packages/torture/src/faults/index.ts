import type { Fault } from '../fault.js';
import { historyFaults } from './history/index.js';

/** Every fault of the campaign. */
export const faults: readonly Fault[] = [...historyFaults];
