import { describe, expect, test } from '@jest/globals';
import { Random } from '@holdfast/testkit';
import { allCells, nameOfCell } from '../src/cell.js';
import { coordinatedKinds, faultKinds } from '../src/fault.js';
import { coordinatedFaults, faults } from '../src/faults/index.js';
import { planOf } from '../src/plan.js';
import { regressions } from '../src/regressions.js';
import { sampleOf } from '../src/replay.js';
import { mergeReports, totalsOf, type CampaignReport, type InjectionReport } from '../src/report.js';
import { storeCells } from '../src/stores/store-cell.js';
import { storeFaults } from '../src/stores/store-plan.js';

const everything = { seed: 1, faults, cells: allCells, allCells };

describe('a full campaign', () => {
  const plan = planOf(everything);

  test('injects every kind of fault', () => {
    expect(new Set(plan.map(({ fault }) => fault.kind))).toEqual(new Set(faultKinds));
    const coordinated = planOf({ ...everything, faults: coordinatedFaults });
    expect(new Set(coordinated.map(({ fault }) => fault.kind))).toEqual(new Set([...faultKinds, ...coordinatedKinds]));
  });

  test.each(faults.map((fault) => [fault.kind, fault] as const))(
    'injects %s ten times in each cell where it applies, and fifty times in all',
    (_kind, fault) => {
      const own = plan.filter((planned) => planned.fault === fault);
      expect(own.length).toBeGreaterThanOrEqual(50);
      for (const cell of allCells.filter((each) => fault.appliesTo(each))) {
        expect([nameOfCell(cell), own.filter((planned) => planned.cell === cell).length >= 10]).toEqual([
          nameOfCell(cell),
          true,
        ]);
      }
    },
  );

  test('has a seed of its own for each injection', () => {
    expect(new Set(plan.map(({ seed }) => seed)).size).toBe(plan.length);
  });

  test('is the same each time, and has in a cell what it has there without the others', () => {
    expect(planOf(everything)).toEqual(plan);
    const [cell] = allCells.slice(3);
    expect(planOf({ ...everything, cells: [cell!] })).toEqual(plan.filter((planned) => planned.cell === cell));
    expect(planOf({ ...everything, seed: 2 })).not.toEqual(plan);
  });
});

const report = (kind: InjectionReport['kind'], own: Partial<InjectionReport>): InjectionReport => ({
  cell: '3.5.16/v3/1',
  kind,
  seed: 7,
  details: {},
  class: 'plain',
  eventsChecked: 10,
  looks: 5,
  tookMs: 1_000,
  violations: [],
  ...own,
});

test('a sample of a report is made of what was injected, by cells', () => {
  const reports = [
    report('kill', { cell: '3.5.16/v2/3' }),
    report('cut', { seed: 8 }),
    report('wipe', { cell: '3.5.16/v2/3', seed: 9 }),
  ];
  const sample = sampleOf(reports, 3, new Random(1), faults);
  const cells = sample.map(({ cell }) => nameOfCell(cell));
  expect(cells).toEqual(['3.5.16/v3/1', '3.5.16/v2/3', '3.5.16/v2/3']);
  expect(sample.map(({ seed }) => seed).sort()).toEqual([7, 8, 9]);
  expect(sampleOf(reports, 2, new Random(1), faults)).toHaveLength(2);
});

test('totals count by kind and cell, and keep the times of what takes longer apart', () => {
  const totals = totalsOf([
    report('kill', { convergenceMs: 10 }),
    report('kill', { convergenceMs: 30, cell: '3.5.16/v2/3' }),
    report('black-hole', { convergenceMs: 6_000, class: 'keepalive' }),
    report('wipe', { class: 'relist', violations: [{ guarantee: 'equal', message: 'lacks /a' }] }),
  ]);
  expect(totals).toMatchObject({ injections: 4, violations: 1, eventsChecked: 40 });
  expect(totals.byKindAndCell['kill']).toEqual({ '3.5.16/v3/1': 1, '3.5.16/v2/3': 1 });
  expect(totals.convergence['plain']).toEqual({ count: 2, p50: 10, p99: 30, max: 30 });
  expect(totals.convergence['keepalive']).toMatchObject({ p99: 6_000 });
  expect(totals.convergence['relist']).toMatchObject({ count: 0 });
});

test('a report of new kinds is merged into one of the others, and each part keeps its commit and date', () => {
  const run = (commit: string, injections: readonly InjectionReport[]): CampaignReport => ({
    commit,
    startedAt: `of ${commit}`,
    tookMs: 1_000,
    seed: 7,
    node: 'v20',
    settings: {} as CampaignReport['settings'],
    totals: totalsOf(injections),
    mishaps: [],
    injections,
  });
  const old = run('a', [report('kill', {}), report('cut', {})]);
  const added = run('b', [report('foreign-member', { violations: [{ guarantee: 'foreign', message: 'written' }] })]);
  const merged = mergeReports([old, added]);
  expect(merged.totals).toMatchObject({ injections: 3, violations: 1, byKind: { kill: 1, 'foreign-member': 1 } });
  expect(merged.parts).toMatchObject([
    { commit: 'a', startedAt: 'of a', kinds: ['cut', 'kill'], injections: 2 },
    { commit: 'b', startedAt: 'of b', kinds: ['foreign-member'], injections: 1 },
  ]);
  const more = mergeReports([merged, run('c', [report('wipe', {})])]);
  expect(more.parts?.map(({ commit }) => commit)).toEqual(['a', 'b', 'c']);
  expect(() => mergeReports([merged, old])).toThrow('in two of the reports');
});

test('every regression is an injection that can be made again', () => {
  for (const { cell: name, kind, seed } of regressions) {
    const inClusters = allCells.some(
      (cell) => nameOfCell(cell) === name && faults.some((fault) => fault.kind === kind && fault.appliesTo(cell)),
    );
    const inStores = storeCells.some(
      (cell) => cell === name && storeFaults.some((fault) => fault.kind === kind && fault.appliesTo(cell)),
    );
    expect([name, kind, inClusters || inStores]).toEqual([name, kind, true]);
    expect(Number.isSafeInteger(seed)).toBe(true);
  }
});
