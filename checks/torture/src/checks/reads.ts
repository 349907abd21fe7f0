import type { ConfigStore, KeyValue, StoreErrorCode } from '@holdfast/store';
import type { Violation } from '@holdfast/testkit';
import { CallFailures } from '../call-failures.js';
import { BEACON } from '../keys.js';
import type { Value } from '../values.js';
import type { Acknowledged } from '../writers.js';

const TIMEOUT_MS = 1_000;
const PAUSE_MS = 40;
const MOST_VIOLATIONS = 3;

/**
 * *Reads*: an application's read through the store under test never says that something is not there which is, and never gives what
 * another cluster holds. An outage is a failure that says so. It reads all the time, until it is closed.
 */
export class ReadProbe {
  readonly #store: ConfigStore;
  readonly #beacon: readonly Acknowledged[];
  readonly #reading: Promise<void>;
  readonly #failures = new CallFailures();
  #violations: Violation[] = [];
  #isOver = false;

  /** `beacon`: what the servers have acknowledged of it, ascending. Nobody deletes it. */
  constructor(store: ConfigStore, beacon: readonly Acknowledged[]) {
    this.#store = store;
    this.#beacon = beacon;
    this.#reading = this.#run();
  }

  /** What was wrong since it was asked last. `allowedFailures`: how a read may have failed. */
  takeViolations(allowedFailures: readonly StoreErrorCode[]): readonly Violation[] {
    const violations = [...this.#violations, ...this.#failures.take('reads', 'read', allowedFailures)];
    this.#violations = [];
    return violations;
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await this.#reading;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      await this.#read();
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async #read(): Promise<void> {
    const due = this.#beacon.at(-1);
    try {
      const entry = await this.#store.get(BEACON, { timeoutMs: TIMEOUT_MS });
      // What was acknowledged of a history that was replaced meanwhile is not in the list any more.
      if (due !== undefined && this.#beacon.includes(due)) this.#check(entry, due);
    } catch (error) {
      this.#failures.add(error);
    }
  }

  #check(entry: KeyValue | undefined, due: Acknowledged): void {
    if (entry === undefined) {
      this.#violated(`a read says that the beacon is not there, after ${due.revision} was acknowledged`);
      return;
    }
    const { epoch } = JSON.parse(Buffer.from(entry.value).toString()) as Value;
    if (epoch !== due.epoch) this.#violated(`a read gave the beacon of epoch ${epoch} in epoch ${due.epoch}`);
  }

  #violated(message: string): void {
    if (this.#violations.length < MOST_VIOLATIONS) this.#violations.push({ guarantee: 'reads', message });
  }
}
