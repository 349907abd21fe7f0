// docs/sizing.md: its figures are those of the committed results, and the measured fleets are reproduced.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readCosts } from '../src/costs/costs.js';
import { sizingTables } from '../src/page/sizing-tables.js';
import { compare, MEASURED_SEEDS, readMeasured, resultsOf } from '../src/scenarios/measured.js';
import { readResults, type Results } from '../src/scenarios/results.js';

const BEGIN = '<!-- generated from the results: HOLDFAST_UPDATE_DOCS=1 npx jest sizing-page -->\n';
const folder = join(__dirname, '..');
const files = readdirSync(join(folder, 'results')).sort().reverse();
const all = files.map((file) => readResults(join(folder, 'results', file)) as Results);
const measured = readMeasured(folder);

test('docs/sizing.md shows the committed results', () => {
  const path = join(folder, '..', '..', 'docs', 'sizing.md');
  const page = readFileSync(path, 'utf8');
  expect(page).toContain(BEGIN);
  const tables = sizingTables({ costs: readCosts(join(folder, 'costs.json')), measured, all });
  const current = `${page.slice(0, page.indexOf(BEGIN) + BEGIN.length)}\n${tables}\n`;
  if (process.env['HOLDFAST_UPDATE_DOCS'] === '1') writeFileSync(path, current);
  expect(readFileSync(path, 'utf8')).toBe(current);
});

test.each(measured.rows)('a measured fleet is reproduced within its factor: $name, $scenario', (row) => {
  const of = all.find(({ core }) => core.startsWith(row.core));
  const results = resultsOf(row, of?.results ?? []);
  // npm run fleet -- --measured --against DIR --publish
  expect(results.map(({ seed }) => seed).sort()).toEqual(MEASURED_SEEDS);
  for (const { figure, factor } of compare(row, results))
    expect([figure, factor <= (row.limits?.[figure] ?? 1.5)]).toEqual([figure, true]);
});
