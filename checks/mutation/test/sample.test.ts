import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { mutants, sampleOf } from '../src/index.js';
import { recentChanges } from './support/recent.js';

const all = Object.values(mutants).flat();

test('four turns in a row try every mutant, each about a quarter', () => {
  const turns = [7, 8, 9, 10].map((turn) => sampleOf(all, { changed: [], turn }));
  expect(new Set(turns.flat())).toEqual(new Set(all));
  for (const sample of turns) expect(Math.abs(sample.length - all.length / 4)).toBeLessThan(1);
});

test('a mutant whose source or test has changed is tried in any turn', () => {
  const [first] = all;
  for (const path of [first!.file, first!.caughtBy.test]) {
    for (const turn of [0, 1, 2, 3]) expect(sampleOf(all, { changed: [path], turn })).toContain(first);
  }
});

test('what has changed is asked of git, and nothing has where there is none', () => {
  const { changed, turn } = recentChanges(join(__dirname, '..', '..', '..'));
  expect(changed.filter((path) => path.startsWith('/'))).toEqual([]);
  expect(Number.isSafeInteger(turn)).toBe(true);
  expect(recentChanges('/')).toEqual({ changed: [], turn: 0 });
});
