import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { mutants, runMutant } from '../src/index.js';

const root = join(__dirname, '..', '..', '..');
const all = Object.values(mutants).flat();

describe('the test that is named for it finds', () => {
  test.each(all.map((mutant) => [mutant.name, mutant] as const))(
    '%s',
    async (_name, mutant) => {
      const { verdict } = await runMutant(root, mutant, mutant);
      expect(verdict).toMatchObject({ kind: 'caught' });
    },
    120_000,
  );
});
