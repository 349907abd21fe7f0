import type { Random } from '@holdfast/testkit';
import { allCells, nameOfCell } from './cell.js';
import type { Fault } from './fault.js';
import { shuffled, type Planned } from './plan.js';
import type { InjectionReport } from './report.js';

/** Chooses injections of a report at random, to make them again. They are ordered by cells, so that few worlds are needed. */
export function sampleOf(
  injections: readonly Pick<InjectionReport, 'cell' | 'kind' | 'seed'>[],
  count: number,
  random: Random,
  faults: readonly Fault[],
): Planned[] {
  return shuffled(injections, random)
    .slice(0, count)
    .flatMap(({ cell: name, kind, seed }) => {
      const cell = allCells.find((each) => nameOfCell(each) === name);
      const fault = faults.find((each) => each.kind === kind);
      return cell === undefined || fault === undefined ? [] : [{ cell, fault, seed }];
    })
    .sort((a, b) => allCells.indexOf(a.cell) - allCells.indexOf(b.cell));
}
