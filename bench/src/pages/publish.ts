import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fleetRows } from '../rows/fleet.js';
import { rows } from '../rows/index.js';
import { SIZES } from '../rows/growth.js';
import { growthPlot } from './growth-plot.js';
import { page } from './page.js';
import { readResults, type Results } from '../harness/results.js';

/** Path from the root → content. */
export type Files = Readonly<Record<string, string>>;

export const RESULTS_FILE = join('bench', 'results.json');
export const FLEET_RESULTS_FILE = join('bench', 'results', 'fleet.json');

/** Everything that is generated from the published results. */
export function documents(root: string): Files {
  const results = readResults(join(root, RESULTS_FILE));
  if (results === undefined) throw new Error(`${RESULTS_FILE} is missing; npm run bench -- --publish writes it`);
  const fleetResults = readResults(join(root, FLEET_RESULTS_FILE));
  const fleet = fleetResults === undefined ? undefined : { results: fleetResults, rows: fleetRows };
  const plots = plotsOf(results);
  const notes = readFileSync(join(root, 'bench', 'notes.md'), 'utf8');
  const names = Object.keys(plots);
  const inDocs = Object.entries({ ...plots, 'performance.md': page({ results, rows, notes, plots: names, fleet }) });
  return Object.fromEntries(inDocs.map(([name, content]) => [join('docs', name), content]));
}

export function publish(root: string): void {
  for (const [path, content] of Object.entries(documents(root))) writeFileSync(join(root, path), content);
}

function plotsOf(results: Results): Files {
  const growth = rows.find(({ name }) => name === 'growth');
  if (growth === undefined) return {};
  const measured = results.rows.filter(({ row }) => row === growth.name);
  return Object.fromEntries(
    measured.map((result) => [`performance-${result.server}.svg`, growthPlot(growth, result, SIZES)]),
  );
}
