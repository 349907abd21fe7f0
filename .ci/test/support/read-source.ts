import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..', '..', '..');

interface Mutation {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** The mutation that is being tried, if one is. Jest applies it to what tests import (checks/mutation/jest/config.mjs). */
const mutation = JSON.parse(process.env['HOLDFAST_MUTATION'] ?? 'null') as Mutation | null;

/** A file of the repository, for tests that read files themselves: a mutant is found by them too. */
export function readSource(path: string): string {
  const text = readFileSync(path, 'utf8');
  return mutation !== null && path === join(root, mutation.file)
    ? text.replace(mutation.find, () => mutation.replace)
    : text;
}
