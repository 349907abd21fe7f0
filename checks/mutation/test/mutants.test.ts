import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { mutants, runMutant, sampleOf } from '../src/index.js';
import { lastDurations } from './support/durations.js';
import { recentChanges } from './support/recent.js';

const root = join(__dirname, '..', '..', '..');
const sample = sampleOf(Object.values(mutants).flat(), { ...recentChanges(root), seconds: lastDurations(root) });

describe('the test that is named for it finds', () => {
  test.each(sample.map((mutant) => [mutant.name, mutant] as const))('%s', async (_name, mutant) => {
    const { verdict } = await runMutant(root, mutant, mutant);
    expect(verdict).toEqual({ kind: 'caught', by: expect.any(String) });
  });
});
