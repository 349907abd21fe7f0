import { checkShape } from '../check.js';
import type { Call, Delivery, History, Moment, Operation, WatchRecord } from './history.js';

/** Writes a {@link History} while it happens. One recorder serves all clients, so that their moments compare. */
export class Recorder implements History {
  readonly operations: Operation[] = [];
  readonly watches: WatchRecord[] = [];
  #now: Moment = 0;

  /** The next moment. */
  tick(): Moment {
    this.#now += 1;
    return this.#now;
  }

  /** Notes a call that is being made. The function returned notes how it ended, once. */
  invoke(client: string, call: Call): (end: Pick<Operation, 'call' | 'outcome'>) => void {
    const index = this.operations.length;
    const invokedAt = this.tick();
    this.operations.push({ client, call, invokedAt, returnedAt: undefined, outcome: undefined });
    return (end) => {
      this.operations[index] = { client, invokedAt, returnedAt: this.tick(), ...end };
    };
  }

  /** Notes a watch that is being opened. The function returned notes what it tells. */
  open(watch: Pick<WatchRecord, 'client' | 'range' | 'options'>): (delivery: DistributiveOmit<Delivery, 'at'>) => void {
    const deliveries: Delivery[] = [];
    this.watches.push({ ...watch, openedAt: this.tick(), deliveries });
    return (delivery) => {
      deliveries.push({ at: this.tick(), ...delivery });
    };
  }
}

/** @throws StoreError `invalid-argument` */
export function checkRecorder(value: unknown, name: string): void {
  checkShape(value, ['operations', 'watches', 'invoke', 'open'], name, 'new Recorder() makes one');
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
