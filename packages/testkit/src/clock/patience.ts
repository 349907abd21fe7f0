import { invalidArgument } from '@holdfast/store/adapter';
import { found } from '../check.js';

/** The environment variable that says how many times as long as usual this machine may take. */
const NAME = 'HOLDFAST_PATIENCE';

/**
 * How many times as long as usual what must come may take, by the environment variable `HOLDFAST_PATIENCE`; 1 without it.
 *
 * @throws StoreError `invalid-argument` where that is no number above 0
 */
export function patience(): number {
  const given = process.env[NAME];
  if (given === undefined || given === '') return 1;
  const factor = Number(given);
  if (factor > 0 && Number.isFinite(factor)) return factor;
  throw invalidArgument(`${NAME} is ${found(given)}; it takes a number above 0, such as ${NAME}=4 for a slow machine`);
}
