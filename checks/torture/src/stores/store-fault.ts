import type { FaultOf } from '../tested-world.js';
import type { StoreCell } from './store-cell.js';
import type { StoreFaultKind } from './store-fault-kind.js';
import type { StoreWorld } from './store-world.js';

/** See `Fault`. */
export interface StoreFault<W extends StoreWorld = StoreWorld> extends FaultOf<W> {
  readonly kind: StoreFaultKind;
  appliesTo(cell: StoreCell): boolean;
}
