// What docs/migrating-between-stores.md says of the latest runs of `npm run migrations` is what their results say.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { MigrationResult } from './support/migrations/run-migration.js';
import { faultRows, speedRows, type SideBySideResults } from './support/migrations/side-by-side-page.js';

const page = readFileSync(join(__dirname, '../../../docs/migrating-between-stores.md'), 'utf8');

function read<T>(name: string): T {
  return JSON.parse(readFileSync(join(__dirname, 'results', `${name}.json`), 'utf8')) as T;
}

test('the published migrations lost nothing', () => {
  const { results } = read<{ readonly results: readonly MigrationResult[] }>('migrations');
  expect(results.length).toBeGreaterThan(0);
  for (const result of results) {
    expect(result).toMatchObject({ keys: 20_000, kills: 20, violations: [] });
    expect(result.largestDifferenceS).toBeLessThanOrEqual(2);
    const row = `| ${result.version} | ${result.from} | ${result.scenario} | ${result.acknowledged} |`;
    expect(page).toContain(row);
  }
});

test('the tables beside make-mirror are those of the results', () => {
  const results = read<SideBySideResults>('make-mirror');
  for (const row of [...faultRows(results, '3.5.30'), ...speedRows(results)]) expect(page).toContain(row);
  // `replicate()` loses nothing in any of them, on any server.
  for (const row of results.results) {
    if (!('fault' in row) || row.contender !== 'holdfast' || row.ends.includes('history-changed')) continue;
    expect(row).toMatchObject({ missing: 0, stale: 0, surplus: 0, overwritten: 0, goesOn: true });
  }
});
