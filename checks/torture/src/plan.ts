import { Random } from '@holdfast/testkit';
import { nameOfCell, type Cell } from './cell.js';
import type { Fault, FaultKind } from './fault.js';

/** The least injections of a kind in each cell, and in all cells. */
const LEAST_IN_CELL = 10;
const LEAST_IN_ALL = 52;

/** One injection to be made. */
export interface Planned {
  readonly cell: Cell;
  readonly fault: Fault;
  readonly seed: number;
}

export interface PlanOptions {
  readonly seed: number;
  readonly faults: readonly Fault[];
  readonly cells: readonly Cell[];
  /** The number of injections of each kind in each cell. Default: enough for 10 in each cell and 50 of each kind in all cells. */
  readonly injections?: number | undefined;
  /** All existing cells, chosen or not. */
  readonly allCells: readonly Cell[];
}

/**
 * The injections of a campaign, cell by cell, so that one cluster serves for many. Within a cell the kinds are mixed. The plan of a cell depends
 * only on the seed, not on the other chosen cells and kinds.
 */
export function planOf({ seed, faults, cells, injections, allCells }: PlanOptions): Planned[] {
  return cells.flatMap((cell) => {
    const planned = faults
      .filter((fault) => fault.appliesTo(cell))
      .flatMap((fault) => {
        const applicable = allCells.filter((each) => fault.appliesTo(each)).length;
        const count = injections ?? Math.max(LEAST_IN_CELL, Math.ceil(LEAST_IN_ALL / applicable));
        return Array.from({ length: count }, (_, index) => ({
          cell,
          fault,
          seed: seedOf(seed, cell, fault.kind, index),
        }));
      });
    return shuffled(planned, new Random(seedOf(seed, cell, 'order', 0)));
  });
}

/** The seed of one injection, by FNV-1a, so that they all differ. */
function seedOf(seed: number, cell: Cell, kind: FaultKind | 'order', index: number): number {
  let hash = 0x811c9dc5;
  for (const character of `${seed} ${nameOfCell(cell)} ${kind} ${index}`) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0;
  }
  return hash;
}

export function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, place: random.next() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
