// docs/guarantees.md: every promise has its checkers, and the figures are those of the committed campaigns, which are complete.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { clauses } from '@holdfast/testkit';
import { regressions } from '../../../checks/simulation/src/campaign/regressions.js';
import type { CampaignReport as WorldsReport } from '../../../checks/simulation/src/campaign/report.js';
import { allCells, nameOfCell } from '../../../checks/torture/src/cell.js';
import { faults } from '../../../checks/torture/src/faults/index.js';
import { faultKinds } from '../../../checks/torture/src/fault.js';
import { regressions as clusterBugs } from '../../../checks/torture/src/regressions.js';
import type { CampaignReport } from '../../../checks/torture/src/report.js';
import { GOAL_MS } from '../../../checks/torture/src/settings.js';
import { guaranteesPage } from './support/guarantees-page.js';
import { clauseCheckers, mirrorGuarantees } from './support/guarantees.js';
import { root } from './support/markdown-sample.js';

const BEGIN = '<!-- generated from the campaigns: HOLDFAST_UPDATE_DOCS=1 npx jest guarantees-page -->\n';
const packages = join(root, 'packages');

function resultOf(name: 'simulation' | 'torture', file = 'campaign.json'): unknown {
  return JSON.parse(readFileSync(join(root, 'checks', name, 'results', file), 'utf8'));
}

const worlds = resultOf('simulation') as WorldsReport;
const clusters = resultOf('torture') as CampaignReport;
const stores = resultOf('torture', 'stores.json') as CampaignReport;

/** Everything that the sources below some folders say. */
function sourcesOf(...folders: readonly string[]): string {
  return folders
    .flatMap((folder) => {
      const path = join(root, folder);
      const files = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
      return files.map((file) => readFileSync(join(path, file), 'utf8'));
    })
    .join('\n');
}

test('docs/guarantees.md shows the checkers, campaigns and bugs that there are', () => {
  const path = join(root, 'docs', 'guarantees.md');
  const page = readFileSync(path, 'utf8');
  expect(page).toContain(BEGIN);
  const tables = guaranteesPage({ guarantees: mirrorGuarantees, worlds, clusters, stores, regressions, clusterBugs });
  const current = `${page.slice(0, page.indexOf(BEGIN) + BEGIN.length)}\n${tables}\n`;
  if (process.env['HOLDFAST_UPDATE_DOCS'] === '1') writeFileSync(path, current);
  expect(readFileSync(path, 'utf8')).toBe(current);
});

test('every promise of the mirror has a checker and a test that is there', () => {
  const promised = [...readFileSync(join(root, 'docs', 'mirror.md'), 'utf8').matchAll(/^\*\*(M\d+) /gm)];
  expect(mirrorGuarantees.map(({ id }) => id)).toEqual(promised.map(([, id]) => id));
  for (const { id, worlds: checkers, tests } of mirrorGuarantees) {
    expect([id, checkers.length > 0, tests.length > 0]).toEqual([id, true, true]);
    expect(tests.filter((path) => !existsSync(join(packages, path)))).toEqual([]);
  }
  expect(Object.keys(clauseCheckers).filter((id) => !(id in clauses))).toEqual([]);
});

test('every checker that is named is there', () => {
  const shared = ['packages/testkit/src/checkers'];
  const held = [...mirrorGuarantees, ...Object.values(clauseCheckers)];
  for (const [where, folder] of [
    ['worlds', 'checks/simulation/src'],
    ['clusters', 'checks/torture/src'],
  ] as const) {
    const text = sourcesOf(folder, ...shared);
    const named = new Set(held.flatMap((each) => each[where]));
    expect([...named].filter((name) => !text.includes(`'${name}'`))).toEqual([]);
  }
});

test('the campaigns that are shown are whole, and found nothing', () => {
  expect(worlds.violations).toBe(0);
  expect(worlds.seeds.run).toBeGreaterThanOrEqual(100_000);
  expect(clusters.totals.violations).toBe(0);
  expect(clusters.injections.filter(({ violations }) => violations.length > 0)).toEqual([]);
  const count = (kind: string, cell?: string) =>
    clusters.injections.filter((each) => each.kind === kind && (cell === undefined || each.cell === cell)).length;
  expect(faultKinds.filter((kind) => count(kind) < 50)).toEqual([]);
  const tooFew = faults.flatMap((fault) =>
    allCells
      .filter((cell) => fault.appliesTo(cell) && count(fault.kind, nameOfCell(cell)) < 10)
      .map((cell) => `${fault.kind} in ${nameOfCell(cell)}`),
  );
  expect(tooFew).toEqual([]);
  // The goals, in the committed figures: nothing is timed here.
  expect(clusters.totals.convergence['plain']?.p99).toBeLessThanOrEqual(GOAL_MS);
  const bounds = { v3: clusters.settings.v3.keepaliveBoundMs, v2: clusters.settings.v2.keepaliveBoundMs };
  const beyond = clusters.injections.filter(
    ({ cell, class: of, convergenceMs = Infinity }) =>
      of === 'keepalive' && convergenceMs > (cell.includes('/v3/') ? bounds.v3 : bounds.v2),
  );
  expect(beyond).toEqual([]);
});
