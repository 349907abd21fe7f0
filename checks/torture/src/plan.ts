import { Random } from '@holdfast/testkit';
import { nameOfCell, type Cell } from './cell.js';
import type { Fault, FaultKind } from './fault.js';

/** At least so many of a kind in each cell, and so many in all. */
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
  /** Of each kind in each cell; unless told, as many as make up 10 in each cell and 50 of each kind in all cells that there are. */
  readonly injections?: number | undefined;
  /** Which cells there are, chosen or not. */
  readonly allCells: readonly Cell[];
}

/**
 * The injections of a campaign, cell by cell, so that a cluster serves for many of them; in a cell the kinds are mixed. What is planned for
 * a cell follows from the seed alone, whichever other cells and kinds are chosen.
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

/** Of one injection: by FNV-1a, so that each has another one. */
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
