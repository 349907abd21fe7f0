import { type ConfigStore, StoreError } from '@holdfast/store';
import { type DriverCall, type DriverRequest, GuardedStore, InterceptedDriver } from '@holdfast/store/adapter';

/** What a call meets: it passes, fails before or after it was applied, or waits until it is let go. */
export type Fault = 'pass' | 'lost' | 'answer lost' | 'wait';

export interface Faults {
  /** Decides for each call. Default: all pass. */
  next: (kind: 'read' | 'write') => Fault;
  /** How many calls wait. */
  readonly waiting: number;
  /** Lets those go that wait. */
  release(): void;
  /** All pass from now on, those too that wait. */
  end(): void;
}

class FaultyDriver extends InterceptedDriver implements Faults {
  next: (kind: 'read' | 'write') => Fault = () => 'pass';
  #waiting: (() => void)[] = [];

  get waiting(): number {
    return this.#waiting.length;
  }

  release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  end(): void {
    this.next = () => 'pass';
    this.release();
  }

  protected override async intercept<T>(
    kind: 'read' | 'write',
    call: DriverCall,
    request: DriverRequest<T>,
  ): Promise<T> {
    const fault = this.next(kind);
    if (fault === 'lost') throw unavailable('not-applied');
    if (fault === 'wait') {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      // Sent long ago: whoever has given up waiting for it can't take it back.
      return request(this.direct, { signal: undefined });
    }
    const result = await request(this.direct, call);
    if (fault === 'answer lost') throw unavailable('unknown');
    return result;
  }
}

function unavailable(outcome: 'not-applied' | 'unknown'): StoreError {
  return new StoreError('unavailable', 'the test has cut the connection', { outcome });
}

/** A store whose calls fail as a test says. */
export function faultyStore(store: ConfigStore): { readonly store: ConfigStore; readonly faults: Faults } {
  const driver = new FaultyDriver(store);
  return { store: new GuardedStore(driver), faults: driver };
}
