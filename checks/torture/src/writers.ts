import { isStoreError, type ConfigStore, type Op } from '@holdfast/store';
import type { Random } from '@holdfast/testkit';
import { CallFailures } from './call-failures.js';
import { BEACON, COLLECTION_A, COLLECTION_B, COUNTER, LEASED, txnKeys } from './keys.js';
import { badText, goodText, type Value } from './values.js';
import type { Writers } from './world.js';

/** A write of the beacon that the server has acknowledged. */
export interface Acknowledged {
  readonly epoch: number;
  readonly revision: number;
  /** In milliseconds since the epoch of clocks, as a mirror's `asOf`. */
  readonly at: number;
}

/** What writers need of a store. */
export type WrittenStore = Pick<ConfigStore, 'capabilities' | 'get' | 'put' | 'delete' | 'txn'>;

export interface WriterSetup {
  /** One for each member: whoever fails there goes on at the next one, however long it takes a client of several to find out. */
  readonly direct: readonly [WrittenStore, ...WrittenStore[]];
  /** The store under test. */
  readonly tested: ConfigStore;
  readonly random: Random;
  /** Which history the servers hold now. */
  readonly epoch: () => number;
  /** Up to where the truth knows that history, where the servers forget: writers don't get too far ahead of it. */
  readonly known?: (() => number) | undefined;
}

/** How long a write may take, in milliseconds: with a member that does not answer the writers must not stand still for long. */
const WRITE_TIMEOUT_MS = 1_000;
const CALL = { timeoutMs: WRITE_TIMEOUT_MS };
/** Much less than the 1,000 events that etcd v2 remembers: the truth reads them one by one, on a busy machine more slowly than they are written. */
const MOST_AHEAD = 300;

type Lane = (random: Random, direct: WrittenStore) => Promise<void>;

/** See {@link Writers}. Each lane writes one after the other, with a pause of random length in between. */
export class LiveWriters implements Writers {
  /** Beacon writes of this epoch since the truth was last caught up with, ascending. */
  readonly beacon: Acknowledged[] = [];
  /** Numbers of the counter whose write was acknowledged, each with its epoch, and of those of which nobody knows. */
  readonly counted = { acknowledged: new Map<number, number>(), unknown: new Set<number>() };
  /** How writes through the store under test failed: the first failure of each code. */
  readonly failures = new CallFailures();
  /** Told when writing begins or goes on. */
  onResume: () => void = () => undefined;
  /** Who else pauses with them. */
  beside: Writers | undefined;
  readonly #setup: WriterSetup;
  readonly #running: Promise<unknown>;
  #random: Random;
  #n = 0;
  #writes = 0;
  #failures = 0;
  #member = 0;
  #pauses = 1;
  #underWay = 0;
  #closed = false;
  #failure: unknown;

  /** They begin paused. */
  constructor(setup: WriterSetup) {
    this.#setup = setup;
    this.#random = setup.random;
    const isV3 = setup.direct[0].capabilities.transactions === 'multi-key';
    const lanes: readonly (readonly [pauseMs: number, lane: Lane])[] = [
      [40, this.#beacon],
      [60, this.#counter],
      [35, this.#single],
      [45, this.#single],
      [250, this.#bad],
      [350, this.#tree],
      [300, this.#leased],
      isV3 ? [400, this.#transaction] : [80, this.#guarded],
    ];
    this.#running = Promise.all(lanes.map(([pauseMs, lane]) => this.#run(lane, pauseMs)));
  }

  /** How many writes were acknowledged, and how many failed. */
  get figures(): { readonly writes: number; readonly failures: number } {
    return { writes: this.#writes, failures: this.#failures };
  }

  /** From here on, everything random comes from this. */
  useRandom(random: Random): void {
    this.#random = random;
  }

  async pause(): Promise<void> {
    this.#pauses += 1;
    const others = this.beside?.pause();
    while (this.#underWay > 0) await wait(2);
    await others;
    if (this.#failure !== undefined) throw new Error('a writer has failed', { cause: this.#failure });
  }

  resume(): void {
    this.#pauses -= 1;
    if (this.#pauses > 0) return;
    this.beside?.resume();
    this.onResume();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(lane: Lane, pauseMs: number): Promise<void> {
    while (!this.#closed) {
      await wait(pauseMs * (0.5 + this.#random.next()));
      if (this.#pauses > 0 || this.#isFarAhead) continue;
      this.#underWay += 1;
      const { direct } = this.#setup;
      const member = this.#member;
      try {
        await lane(this.#random, direct[member % direct.length] ?? direct[0]);
        this.#writes += 1;
      } catch (error) {
        this.#failures += 1;
        if (lane === this.#counter) this.failures.add(error);
        else {
          // An outage is what this is about; anything else is a mistake of this file, and ends the world.
          if (!isStoreError(error) || error.code === 'invalid-argument' || error.code === 'unsupported')
            this.#failure = error;
          if (this.#member === member) this.#member += 1;
        }
      } finally {
        this.#underWay -= 1;
      }
    }
  }

  /** Of the truth, in its present history. */
  get #isFarAhead(): boolean {
    const { epoch, known } = this.#setup;
    const last = this.beacon.at(-1);
    return known !== undefined && last?.epoch === epoch() && last.revision - known() > MOST_AHEAD;
  }

  #value(): Value {
    this.#n += 1;
    return { n: this.#n, epoch: this.#setup.epoch() };
  }

  readonly #beacon: Lane = async (_random, direct) => {
    const value = this.#value();
    const { revision } = await direct.put(BEACON, goodText(value), CALL);
    this.beacon.push({ epoch: value.epoch, revision, at: Date.now() });
  };

  readonly #counter: Lane = async () => {
    const value = this.#value();
    try {
      await this.#setup.tested.put(COUNTER, goodText(value), CALL);
      this.counted.acknowledged.set(value.n, value.epoch);
    } catch (error) {
      if (!isStoreError(error) || error.outcome !== 'not-applied') this.counted.unknown.add(value.n);
      throw error;
    }
  };

  readonly #single: Lane = async (random, direct) => {
    const key = `${random.chance(0.5) ? COLLECTION_A : COLLECTION_B}k${random.below(40)}`;
    if (random.chance(0.2)) await direct.delete(key, CALL);
    else await direct.put(key, goodText(this.#value()), CALL);
  };

  readonly #bad: Lane = async (random, direct) => {
    const key = `${COLLECTION_A}bad${random.below(4)}`;
    const kind = random.next();
    if (kind < 0.15) await direct.delete(key, CALL);
    else await direct.put(key, (kind < 0.6 ? badText : goodText)(this.#value()), CALL);
  };

  /** Some keys under a folder, and then the folder at once: a prefix (v3), a directory (v2). */
  readonly #tree: Lane = async (random, direct) => {
    const folder = `${COLLECTION_A}tree/${random.below(3)}/`;
    for (let index = random.below(5); index >= 0; index -= 1) {
      await direct.put(`${folder}${index}`, goodText(this.#value()), CALL);
    }
    if (random.chance(0.7)) await direct.delete({ prefix: folder }, CALL);
  };

  readonly #leased: Lane = async (random, direct) => {
    await direct.put(`${LEASED}${random.below(5)}`, goodText(this.#value()), { ttl: 1, ...CALL });
  };

  readonly #transaction: Lane = async (random, direct) => {
    const value = goodText(this.#value());
    const isRemoval = random.chance(0.1);
    const then = txnKeys.map((key): Op => (isRemoval ? { type: 'delete', range: key } : { type: 'put', key, value }));
    await direct.txn({ then }, CALL);
  };

  /** What etcd v2 has instead of transactions. */
  readonly #guarded: Lane = async (random, direct) => {
    const key = `${COLLECTION_B}guarded${random.below(5)}`;
    const current = await direct.get(key, CALL);
    const value = goodText(this.#value());
    if (current === undefined) await direct.put(key, value, { ifAbsent: true, ...CALL });
    else if (random.chance(0.1)) await direct.delete(key, { ifModRevision: current.modRevision, ...CALL });
    else await direct.put(key, value, { ifModRevision: current.modRevision, ...CALL });
  };
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
