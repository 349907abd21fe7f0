import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { mutants, mutantTables, readRun, RESULTS_FILE, runSummary } from '../src/index.js';

const begin = '<!-- generated from the list: HOLDFAST_UPDATE_DOCS=1 npx jest mutants-page -->\n';

const root = join(__dirname, '..', '..', '..');
const run = readRun(join(root, RESULTS_FILE))!;

test('the committed run of all mutants found every one', () => {
  expect(run.mutants.length).toBeGreaterThan(100);
  expect(run.mutants.filter(({ verdict }) => verdict !== 'caught')).toEqual([]);
  expect(run.brokenStores.passed).toBeGreaterThan(100);
  expect(run.brokenStores.failed).toEqual([]);
});

test('docs/mutants.md lists the mutants that there are', () => {
  const path = join(root, 'docs', 'mutants.md');
  const page = readFileSync(path, 'utf8');
  expect(page).toContain(begin);
  const current = `${page.slice(0, page.indexOf(begin) + begin.length)}\n${runSummary(run)}\n\n${mutantTables(mutants)}`;
  if (process.env['HOLDFAST_UPDATE_DOCS'] === '1') writeFileSync(path, current);
  expect(readFileSync(path, 'utf8')).toBe(current);
});
