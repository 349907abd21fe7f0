import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { expectedSeconds, mutants, partsOf, sampleOf } from '../src/index.js';
import { lastDurations } from './support/durations.js';
import { recentChanges } from './support/recent.js';

const all = Object.values(mutants).flat();

const root = join(__dirname, '..', '..', '..');
const seconds = lastDurations(root);
const lasting = expectedSeconds(all, seconds);

test('so many turns in a row as there are parts try every mutant', () => {
  const parts = partsOf(all, lasting);
  const turns = parts.map((_part, index) => sampleOf(all, { changed: [], turn: 7 + index, seconds }));
  expect(new Set(turns.flat())).toEqual(new Set(all));
});

test('a part takes no longer than its budget, unless it is one mutant', () => {
  for (const part of partsOf(all, lasting)) {
    const sum = part.reduce((total, mutant) => total + lasting(mutant), 0);
    expect({ part: part.map(({ name }) => name), fits: part.length === 1 || sum < 30.1 }).toMatchObject({ fits: true });
  }
});

test('a mutant whose source or test has changed is tried in any turn', () => {
  const [first] = all;
  for (const path of [first!.file, first!.caughtBy.test]) {
    const quick = new Map(all.map(({ name }) => [name, 0.1]));
    for (const turn of [0, 1, 2, 3]) expect(sampleOf(all, { changed: [path], turn, seconds: quick })).toContain(first);
  }
});

test('after a change of everything the sample is no longer than twice a part', () => {
  const changed = all.map(({ file }) => file);
  const lasted = sampleOf(all, { changed, turn: 0, seconds }).map(lasting);
  expect(lasted.reduce((a, b) => a + b, 0)).toBeLessThan(60.1);
});

test('a mutant that no whole run has tried counts as the longest of its test file', () => {
  const [one, other] = all.filter(({ caughtBy }) => caughtBy.test === all[0]!.caughtBy.test);
  const alone = all.find(({ caughtBy }) => caughtBy.test !== one!.caughtBy.test);
  const expected = expectedSeconds(all, new Map([[other!.name, 17]]));
  expect([one, other, alone].map((mutant) => expected(mutant!))).toEqual([17, 17, 10]);
});

test('what has changed is asked of git, and nothing has where there is none', () => {
  const { changed, turn } = recentChanges(root);
  expect(changed.filter((path) => path.startsWith('/'))).toEqual([]);
  expect(Number.isSafeInteger(turn)).toBe(true);
  expect(recentChanges('/')).toEqual({ changed: [], turn: 0 });
});
