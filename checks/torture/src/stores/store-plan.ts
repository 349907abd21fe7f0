import type { Logger } from '@holdfast/store';
import { Random } from '@holdfast/testkit';
import { shuffled } from '../plan.js';
import type { PlannedIn } from '../tested-world.js';
import { lmdbFaults } from './lmdb-faults.js';
import { LmdbPlace } from './lmdb-place.js';
import { postgresFaults } from './postgres-faults.js';
import { PostgresPlace } from './postgres-place.js';
import type { StoreCell } from './store-cell.js';
import type { StoreFault } from './store-fault.js';
import { StoreWorld } from './store-world.js';

export type PlannedInStore = PlannedIn<StoreWorld>;

const LEAST_IN_CELL = 10;

/** Every fault of stores. */
export const storeFaults: readonly StoreFault[] = [...postgresFaults, ...lmdbFaults];

export interface StorePlanOptions {
  readonly seed: number;
  readonly cells: readonly StoreCell[];
  readonly kinds?: readonly string[] | undefined;
  /** The number of injections of each kind in each cell. Default: 10. */
  readonly injections?: number | undefined;
  /** Whether coordinators take part. */
  readonly coordinates?: boolean | undefined;
}

/** The injections of a campaign, cell by cell. Within a cell the kinds are mixed. */
export function planOfStores({
  seed,
  cells,
  kinds,
  injections = LEAST_IN_CELL,
  coordinates,
}: StorePlanOptions): PlannedInStore[] {
  return cells.flatMap((cell) => {
    const random = new Random(seedOf(`${seed} ${cell}`));
    const planned = storeFaults
      .filter((fault) => fault.appliesTo(cell) && (kinds?.includes(fault.kind) ?? true))
      .flatMap((fault) =>
        Array.from({ length: injections }, (_, index) =>
          plannedIn(cell, fault, seedOf(`${seed} ${cell} ${fault.kind} ${index}`), coordinates),
        ),
      );
    return shuffled(planned, random);
  });
}

export function plannedIn(cell: StoreCell, fault: StoreFault, seed: number, coordinates = false): PlannedInStore {
  const place = `${cell} ${coordinates}`;
  return { cell, fault, seed, place, start: (logger) => startWorld(cell, seed, logger, coordinates) };
}

async function startWorld(cell: StoreCell, seed: number, logger: Logger | undefined, coordinates: boolean) {
  const place = cell.startsWith('postgres/')
    ? await PostgresPlace.start(cell, logger)
    : await LmdbPlace.start(cell, logger);
  return StoreWorld.start(cell, place, new Random(seed), logger, coordinates);
}

/** By FNV-1a, so that they all differ. */
function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0;
  return hash;
}
