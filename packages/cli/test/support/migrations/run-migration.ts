import type { CutOverResult, Verification } from '@holdfast/core/replicate';
import { eventually } from '@holdfast/testkit';
import { judgeLeases, judgeWrites } from './judge.js';
import { MigrationWorld, PREFIX, type WorldOptions } from './migration-world.js';
import type { Mover, MoverProgram, Order } from './mover.js';

/** What happens beside the kills. */
export const SCENARIOS = ['kills', 'overrun', 'second', 'suspended', 'back'] as const;
export type Scenario = (typeof SCENARIOS)[number];

export interface MigrationOptions extends WorldOptions {
  readonly scenario: Scenario;
  /** How many movers are killed. */
  readonly kills: number;
}

export interface MigrationResult {
  readonly from: 'v2' | 'v3';
  readonly version: string;
  readonly scenario: Scenario;
  readonly keys: number;
  readonly kills: number;
  readonly seed: number;
  readonly seconds: number;
  readonly acknowledged: number;
  readonly renewals: number;
  /** Keys that `verify()` has compared. */
  readonly verified: number;
  /** Writes that came in at the old store although it was fenced, and were carried over. */
  readonly late: number;
  readonly living: number;
  readonly largestDifferenceS: number;
  readonly violations: readonly string[];
}

/** One migration from beginning to end, with everything that happens to its movers. */
export async function runMigration(options: MigrationOptions, program: MoverProgram): Promise<MigrationResult> {
  const began = performance.now();
  const world = await MigrationWorld.start(options, program);
  try {
    await world.fill();
    const run = new Run(world, options);
    const facts = await run.there();
    if (options.scenario === 'back') await run.back();
    await run.finish();
    const { from, version, scenario, keys, kills, seed } = options;
    return {
      ...{ from, version, scenario, keys, kills, seed },
      seconds: Math.round((performance.now() - began) / 1_000),
      acknowledged: world.acknowledged,
      renewals: world.leasedKeys.renewals,
      ...facts,
      violations: [...run.violations, ...world.historyViolations],
    };
  } finally {
    await world.close();
  }
}

class Run {
  readonly violations: string[] = [];
  readonly #world: MigrationWorld;
  readonly #options: MigrationOptions;
  #mover: Mover | undefined;

  constructor(world: MigrationWorld, options: MigrationOptions) {
    this.#world = world;
    this.#options = options;
  }

  async there(): Promise<Pick<MigrationResult, 'verified' | 'late' | 'living' | 'largestDifferenceS'>> {
    const { source, target, writers, leasedKeys } = this.#world;
    this.#world.startWriters(source);
    leasedKeys.start();
    const { kills } = this.#options;
    // Some of the kills are for the cut over.
    const later = Math.ceil(kills / 5);
    for (let kill = 0; kill < kills - later; kill += 1) await this.#killOne(kill);
    await this.#beside();
    const mover = this.#current();
    await mover.step('copy');
    const found = await mover.step<Verification>('verify');
    for (const { key, reason } of found.differences) this.violations.push(`verify() tells of ${key}: ${reason}`);
    // Who sees the fence renews nothing at the old store any more.
    const stopped = Promise.all(writers.map((writer) => writer.untilFenced())).then(() => leasedKeys.stop());
    stopped.catch(() => undefined);
    const { late } = await this.#insist<CutOverResult>('cutOver', later);
    await stopped;
    const { items } = await target.list({ prefix: PREFIX });
    this.#note('after the cut over', judgeWrites(items, this.#world.told));
    const { violations, ...facts } = await judgeLeases(source, target, PREFIX, this.#world.isLeased);
    this.#note('after the cut over', violations);
    return { verified: found.keys, late: late.length, ...facts };
  }

  /** The applications have written to the new store for a while, and go back. */
  async back(): Promise<void> {
    const { source, target, writers, acknowledged } = this.#world;
    this.#world.startWriters(target);
    await eventually(() => this.#world.acknowledged >= acknowledged + 40);
    await this.#insist('retreat', Math.ceil(this.#options.kills / 5));
    await Promise.all(writers.map((writer) => writer.untilFenced()));
    const { items } = await source.list({ prefix: PREFIX });
    this.#note('after the way back', judgeWrites(items, this.#world.told));
    const { violations } = await judgeLeases(target, source, PREFIX, this.#world.isLeased);
    this.#note('after the way back', violations);
  }

  async finish(): Promise<void> {
    await this.#current().step('finish');
    await this.#kill();
    for (const store of [this.#world.source, this.#world.target]) {
      const { items } = await store.list({ prefix: '/holdfast/' });
      for (const { key } of items) this.violations.push(`${key} was left in the ${store.name} store`);
    }
  }

  /** The mover that runs, or a new one. */
  #current(): Mover {
    this.#mover ??= this.#world.mover();
    return this.#mover;
  }

  async #kill(): Promise<void> {
    const mover = this.#mover;
    this.#mover = undefined;
    await mover?.kill();
  }

  /** Kills a mover at a random moment: while it compares and copies, or while it follows. */
  async #killOne(kill: number): Promise<void> {
    const { random } = this.#world;
    const copied = this.#current().step('copy');
    const isEarly = kill % 2 === 0;
    // What it failed with shows at the next try.
    if (isEarly) copied.catch(() => undefined);
    else await copied;
    await pause(random.between(0, isEarly ? 300 + this.#options.keys / 4 : 300));
    await this.#kill();
    if (this.#options.scenario === 'overrun') await this.#world.overrun();
  }

  /** What the scenario has beside kills. */
  async #beside(): Promise<void> {
    const { scenario } = this.#options;
    if (scenario !== 'second' && scenario !== 'suspended') return;
    const first = this.#world.mover();
    await first.step('copy');
    if (scenario === 'suspended') first.suspend();
    const second = this.#current();
    await second.step('copy');
    if (scenario === 'suspended') first.wake();
    await this.#ended(first);
    if (second.stopped !== undefined) this.violations.push(`the second mover has stopped: ${second.stopped.message}`);
    await first.kill();
  }

  /** The first of two movers ends by itself, since writes go on. */
  async #ended(first: Mover): Promise<void> {
    await eventually(() => first.stopped !== undefined, { timeoutMs: 60_000 }).catch(() => undefined);
    const how =
      first.stopped === undefined ? 'goes on' : `stopped with ${first.stopped.code}: ${first.stopped.message}`;
    if (first.stopped?.code !== 'conflict') this.violations.push(`the first of two movers ${how}`);
  }

  /** Takes a step, and takes it again after each of so many kills. */
  async #insist<T>(step: Order['step'], kills: number): Promise<T> {
    for (let killed = 0; killed < kills; killed += 1) {
      this.#current()
        .step<T>(step)
        .catch(() => undefined);
      await pause(this.#world.random.between(0, 300 + this.#options.drainMs + this.#options.keys / 4));
      await this.#kill();
    }
    return this.#current().step<T>(step);
  }

  #note(when: string, violations: readonly string[]): void {
    for (const violation of violations) this.violations.push(`${when}: ${violation}`);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
