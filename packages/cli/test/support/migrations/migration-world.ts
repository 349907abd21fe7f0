import { type ConfigStore, fenced } from '@holdfast/store';
import { type Etcd, Random, startEtcd } from '@holdfast/testkit';
import { openStore } from './open-store.js';
import { Mover, type MoverArguments, type MoverProgram, type Place } from './mover.js';
import { LeasedKeys } from './leased-keys.js';
import { TargetHistory } from './target-history.js';
import { type Told, valueOf, Writer } from './writer.js';

export const PREFIX = '/app/';
const FENCE = '/holdfast/fence/app';
const WRITERS = 4;
/** How many writes of the filling are under way at once. */
const FILLED_AT_ONCE = 32;

export interface WorldOptions {
  /** The source's API. */
  readonly from: 'v2' | 'v3';
  readonly version: string;
  readonly keys: number;
  readonly seed: number;
  readonly pauseMs: number;
  readonly drainMs: number;
  /** Seconds to live of the keys that are renewed. */
  readonly ttl: number;
}

/** An old server and a new one, applications that write to the old one, and movers. */
export class MigrationWorld {
  readonly source: ConfigStore;
  readonly target: ConfigStore;
  readonly writers: readonly Writer[];
  readonly leasedKeys: LeasedKeys;
  readonly random: Random;
  readonly #servers: readonly Etcd[];
  readonly #options: WorldOptions;
  readonly #program: MoverProgram;
  readonly #movers = new Set<Mover>();
  readonly #leased: { readonly renewed: readonly string[]; readonly ending: readonly string[] };
  readonly #places: { readonly source: Place; readonly target: Place };
  #history: TargetHistory | undefined;

  private constructor(servers: readonly [Etcd, Etcd], options: WorldOptions, program: MoverProgram) {
    const [{ endpoints: from }, { endpoints: to }] = servers;
    this.#servers = servers;
    this.#options = options;
    this.#program = program;
    this.random = new Random(options.seed);
    this.#places = {
      source: { kind: options.from, endpoint: from[0] ?? '' },
      target: { kind: 'v3', endpoint: to[0] ?? '' },
    };
    this.source = openStore({ kind: options.from, endpoint: from[0] ?? '' });
    this.target = openStore({ kind: 'v3', endpoint: to[0] ?? '' });
    // A tenth is leased, and half of that is renewed.
    const leased = Math.floor(options.keys / 10);
    const names = (kind: string, count: number) =>
      Array.from({ length: count }, (_, n) => `${PREFIX}${kind}/${n % 100}/${n}`);
    this.#leased = {
      renewed: names('renewed', Math.floor(leased / 2)),
      ending: names('ending', leased - Math.floor(leased / 2)),
    };
    const plain = names('plain', options.keys - leased);
    this.writers = Array.from(
      { length: WRITERS },
      (_none, w) =>
        new Writer(
          plain.filter((_each, n) => n % WRITERS === w),
          this.random.fork(),
        ),
    );
    this.leasedKeys = new LeasedKeys(this.source, this.#places.source, options.ttl);
  }

  static async start(options: WorldOptions, program: MoverProgram): Promise<MigrationWorld> {
    const { version } = options;
    const source = await startEtcd({ version, enableV2: options.from === 'v2' });
    const target = await startEtcd({ version }).catch(async (error: unknown) => {
      await source.close();
      throw error;
    });
    return new MigrationWorld([source, target], options, program);
  }

  /** Fills the source. */
  async fill(): Promise<void> {
    const keys = this.writers.flatMap(({ told }) => [...told.keys()]);
    for (let from = 0; from < keys.length; from += FILLED_AT_ONCE) {
      const some = keys.slice(from, from + FILLED_AT_ONCE);
      await Promise.all(some.map((key) => this.source.put(key, valueOf(key, 0))));
    }
    const { ttl } = this.#options;
    // A quarter ends on the way; the others have any time between.
    const ending = (group: number) => (group % 4 === 0 ? Math.max(2, Math.round(ttl / 3)) : ttl * 2 + (group % 60) * 5);
    await this.leasedKeys.fill(this.#leased, { renewed: ttl, ending });
    this.#history = await TargetHistory.follow(this.target, PREFIX, this.isLeased);
  }

  readonly isLeased = (key: string): boolean => !key.startsWith(`${PREFIX}plain/`);

  /** Everything that the writers were told. */
  get told(): Iterable<readonly [string, Told]> {
    return this.writers.flatMap(({ told }) => [...told]);
  }

  get acknowledged(): number {
    return this.writers.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  }

  get historyViolations(): readonly string[] {
    return this.#history?.violations ?? [];
  }

  /** What applications use: the store behind the fence. */
  application(store: ConfigStore): ConfigStore {
    return fenced(store, { key: FENCE });
  }

  startWriters(store: ConfigStore): void {
    const application = this.application(store);
    for (const writer of this.writers) writer.start(application, this.#options.pauseMs);
  }

  mover(): Mover {
    const { source, target } = this.#places;
    const given: MoverArguments = { source, target, prefix: PREFIX, name: 'app', drainMs: this.#options.drainMs };
    const mover = new Mover(this.#program, given);
    this.#movers.add(mover);
    return mover;
  }

  /** Goes on beyond what a source remembers: a thousand events on etcd v2; elsewhere it is compacted. */
  async overrun(): Promise<void> {
    if (this.#options.from === 'v2') return this.#noise(1_100);
    const { revision } = await this.source.put('/noise', '');
    await this.source.compact(revision);
  }

  /** So many events of keys of others. */
  async #noise(writes: number): Promise<void> {
    for (let n = 0; n < writes; n += FILLED_AT_ONCE) {
      await Promise.all(Array.from({ length: FILLED_AT_ONCE }, (_, k) => this.source.put(`/noise/${k}`, `${n}`)));
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.writers.map((writer) => writer.stop()), this.leasedKeys.stop()]);
    await Promise.all([...this.#movers].map((mover) => mover.kill()));
    await this.#history?.close();
    await Promise.all([this.source.close(), this.target.close()]);
    await Promise.all(this.#servers.map((server) => server.close()));
  }
}
