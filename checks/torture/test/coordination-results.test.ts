// What is published of the faults that coordinators went through.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { coordinatedFaults } from '../src/faults/index.js';
import { allCells } from '../src/cell.js';
import { totalsOf, type CampaignReport } from '../src/report.js';

const report = JSON.parse(
  readFileSync(join(__dirname, '..', 'results', 'coordination.json'), 'utf8'),
) as CampaignReport;

test('the published campaign with coordinators has each of their faults, and found nothing', () => {
  const { injections, totals } = report;
  expect(totals).toEqual(totalsOf(injections));
  expect(totals.violations).toBe(0);
  const kinds = coordinatedFaults.filter((fault) =>
    allCells.some((cell) => cell.api === 'v3' && fault.appliesTo(cell)),
  );
  expect(new Set(Object.keys(totals.byKind))).toEqual(new Set(kinds.map(({ kind }) => kind)));
  // They held, lost and observed something.
  for (const { coordination } of injections) expect(coordination?.acquisitions).toBeGreaterThan(0);
  expect(totals.coordination?.sessionsLost).toBeGreaterThan(0);
  expect(totals.coordination?.observed).toBeGreaterThan(injections.length);
});
