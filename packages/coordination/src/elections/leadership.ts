import type { CallOptions, ValueInput } from '@holdfast/store';
import type { Held } from '../locks/held.js';

/** An office that is held, until it is resigned or lost. Everything of a {@link Held} lock is true of it. */
export interface Leadership extends Held {
  /**
   * Changes the value that observers see. Calls take effect in their order.
   *
   * @throws StoreError `session-lost` where the office was lost, `closed` where it was resigned, `timeout` and `aborted` by its limits, and what the store says. With `outcome: 'unknown'` the
   * value may have been written; a later call is never overtaken by it.
   */
  proclaim(value: ValueInput, options?: CallOptions): Promise<void>;
  /** As `release()`: the next candidate leads. May be called again where it failed. */
  resign(options?: CallOptions): Promise<void>;
}
