import type { Row } from '../harness/row.js';
import { row as catchUp } from './fleet-catch-up.js';
import { comebackRows } from './fleet-comeback.js';
import { row as start } from './fleet-start.js';

/** The rows of many clients at once, in the order in which they run and are shown. They take long, and have a command of their own. */
export const fleetRows: readonly Row[] = [start, ...comebackRows, catchUp];
