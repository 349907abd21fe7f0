// What is published of the faults that coordinators went through.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { coordinatedFaults } from '../src/faults/index.js';
import { allCells } from '../src/cell.js';
import { totalsOf, type CampaignReport } from '../src/report.js';
import { storeFaultKinds } from '../src/stores/store-fault-kind.js';

const kindsOfV3 = coordinatedFaults
  .filter((fault) => allCells.some((cell) => cell.api === 'v3' && fault.appliesTo(cell)))
  .map(({ kind }) => kind);

test.each([
  ['coordination.json', kindsOfV3],
  ['coordination-stores.json', storeFaultKinds],
])('the published campaign with coordinators in %s has each of their faults, and found nothing', (file, kinds) => {
  const text = readFileSync(join(__dirname, '..', 'results', file), 'utf8');
  const { injections, totals } = JSON.parse(text) as CampaignReport;
  expect(totals).toEqual(totalsOf(injections));
  expect(totals.violations).toBe(0);
  expect(new Set(Object.keys(totals.byKind))).toEqual(new Set<string>(kinds));
  // They held, lost and observed something.
  for (const { coordination } of injections) expect(coordination?.acquisitions).toBeGreaterThan(0);
  expect(totals.coordination?.sessionsLost).toBeGreaterThan(0);
  expect(totals.coordination?.observed).toBeGreaterThan(injections.length);
});
