// A part of the campaign on databases and folders, chosen afresh each time: injections that the committed report has, made again.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { availablePostgres, describeViolations, Random } from '@holdfast/testkit';
import { runPlanned } from '../src/campaign.js';
import { shuffled } from '../src/plan.js';
import type { CampaignReport, InjectionReport, Mishap } from '../src/report.js';
import { hasPgbouncer } from '../src/stores/pgbouncer.js';
import { storeCellsOn } from '../src/stores/store-cell.js';
import { plannedIn, planOfStores, storeFaults, type PlannedInStore } from '../src/stores/store-plan.js';

const REPORT = join(__dirname, '..', 'results', 'stores.json');
/** For how long after the first injection it goes on beginning others, in milliseconds; a slow machine makes fewer of them. */
const BUDGET_MS = 1_000;

const cells = storeCellsOn(
  availablePostgres().map(({ version }) => version),
  hasPgbouncer,
);

test('each kind of fault is injected in a cell, and each cell has several', () => {
  const planned = planOfStores({ seed: 1, cells, injections: 1 });
  expect(new Set(planned.map(({ fault }) => fault))).toEqual(
    new Set(storeFaults.filter((fault) => cells.some((cell) => fault.appliesTo(cell)))),
  );
  for (const cell of cells) expect(planned.filter((each) => each.cell === cell).length).toBeGreaterThan(3);
});

const seed = Math.floor(Math.random() * 2 ** 31);

test(`injections in one cell, made again, break no promise (sample ${seed})`, async () => {
  const random = new Random(seed);
  const [cell] = shuffled(cells, random);
  if (cell === undefined) throw new Error('there are no cells');
  // Sessions, locks and elections take part now and then.
  const coordinates = random.chance(0.5);
  const published = existsSync(REPORT) ? (JSON.parse(readFileSync(REPORT, 'utf8')) as CampaignReport).injections : [];
  const again = published.flatMap((made): PlannedInStore[] => {
    const fault = storeFaults.find((each) => each.kind === made.kind && each.appliesTo(cell));
    return made.cell !== cell || fault === undefined ? [] : [plannedIn(cell, fault, made.seed, coordinates)];
  });
  const plan = again.length > 0 ? shuffled(again, random) : planOfStores({ seed, cells: [cell], coordinates });
  const reports: InjectionReport[] = [];
  const mishaps: Mishap[] = [];
  let deadline = Infinity;
  await runPlanned(plan, {
    // The time of the world's start does not count: at least one injection is made.
    goesOn: () => performance.now() < deadline,
    onInjection: (report) => {
      reports.push(report);
      deadline = Math.min(deadline, performance.now() + BUDGET_MS);
    },
    onMishap: (mishap) => {
      mishaps.push(mishap);
      if (mishaps.length > 3) deadline = 0;
    },
  });
  const broken = reports.flatMap(({ kind, seed: own, violations }) => {
    // How long it took says something of this machine; that it came about says something of Holdfast.
    const promises = violations.filter(({ guarantee }) => guarantee !== 'bound');
    const flags = coordinates ? '--coordination ' : '';
    const command = `npm run torture -- ${flags}--cell ${cell} --fault ${kind} --injection-seed ${own}`;
    return promises.length === 0 ? [] : [`sample ${seed}: ${command}\n${describeViolations(promises)}`];
  });
  expect(broken).toEqual([]);
  // Something was done, and looked at.
  expect([reports.length > 0, mishaps.filter(() => reports.length === 0)]).toEqual([true, []]);
  for (const { eventsChecked, looks } of reports) expect(Math.min(eventsChecked, looks)).toBeGreaterThan(0);
});
