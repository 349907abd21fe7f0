import { silentLogger, type ConfigStore, type Logger } from '@holdfast/store';
import { eventually, type Random } from '@holdfast/testkit';
import { contentDifferences } from '../checks/content.js';
import { ReadProbe } from '../checks/reads.js';
import type { Ground } from '../coordination/ground.js';
import { LiveTruth } from '../live-truth.js';
import { MirrorProbe } from '../mirror-probe.js';
import { openView } from '../mirror-view.js';
import type { Outside } from '../outside.js';
import { storeSettings } from '../settings.js';
import type { TestedWorld } from '../tested-world.js';
import { COORDINATION, PREFIX } from '../world.js';
import { LiveWriters } from '../writers.js';
import type { StoreCell } from './store-cell.js';
import { storeGround, type StorePlace } from './store-place.js';

const SOON = { timeoutMs: 30_000 };
const LOOK_EVERY_MS = 25;

/** A store with everything on it, as `LiveWorld` is of a cluster of etcd. */
export class StoreWorld<P extends StorePlace = StorePlace> implements TestedWorld {
  readonly name: StoreCell;
  readonly settings = storeSettings;
  readonly forgets = false;
  readonly place: P;
  readonly truth: LiveTruth;
  readonly writers: LiveWriters;
  readonly mirrors: readonly MirrorProbe[];
  readonly reads: ReadProbe;
  readonly ground: Ground | undefined;
  readonly #looking: NodeJS.Timeout;
  /** The store's count of watches while there are only the mirrors'. */
  #baseline = 0;

  /** Resolves when the mirrors are settled; the writers are paused. The place is closed with the world, also where it fails to begin. */
  static async start<P extends StorePlace>(
    name: StoreCell,
    place: P,
    random: Random,
    logger: Logger = silentLogger,
    coordinates = false,
  ): Promise<StoreWorld<P>> {
    const { store, direct, outside } = place;
    const closing: (() => Promise<unknown>)[] = [() => place.close()];
    try {
      // The first call makes it.
      await direct.status();
      const truth = new LiveTruth(() => place.endpoints(), outside, place.source(PREFIX.slice(0, -1)));
      const ground = coordinates ? storeGround(place, COORDINATION) : undefined;
      truth.beside = ground?.truth;
      await truth.begin();
      closing.push(() => truth.quiet());
      const writers = new LiveWriters({ direct: [direct], tested: store, random, epoch: () => truth.epoch.index });
      closing.push(() => writers.close());
      const mirrors: MirrorProbe[] = [];
      for (const kind of ['plain', 'collections', 'key'] as const) {
        const view = await openView(kind, store, storeSettings, logger);
        closing.push(() => view.mirror.close());
        mirrors.push(new MirrorProbe(view, { livenessMs: storeSettings.livenessMs, beacon: writers.beacon }));
      }
      const reads = new ReadProbe(store, writers.beacon);
      closing.push(() => reads.close());
      const world = new StoreWorld(name, place, { truth, writers, mirrors, reads, ground }, closing);
      await world.#begin();
      return world;
    } catch (error) {
      await closeAll(closing);
      throw error;
    }
  }

  readonly #closing: (() => Promise<unknown>)[];

  private constructor(
    name: StoreCell,
    place: P,
    { truth, writers, mirrors, reads, ground }: Pick<TestedWorld, 'truth' | 'writers' | 'mirrors' | 'reads' | 'ground'>,
    closing: (() => Promise<unknown>)[],
  ) {
    this.name = name;
    this.place = place;
    this.truth = truth;
    this.writers = writers;
    this.mirrors = mirrors;
    this.reads = reads;
    this.ground = ground;
    this.#closing = closing;
    // What is acknowledged of a history that is about to go must not be expected of the next one.
    truth.onCatchUp = () => writers.beacon.splice(0);
    writers.onResume = () => {
      truth.goOn();
    };
    this.#looking = setInterval(() => {
      for (const probe of mirrors) probe.look();
    }, LOOK_EVERY_MS);
  }

  get store(): ConfigStore {
    return this.place.store;
  }

  get direct(): ConfigStore {
    return this.place.direct;
  }

  get outside(): Outside {
    return this.place.outside;
  }

  get proxies(): StorePlace['proxies'] {
    return this.place.proxies;
  }

  async serves(): Promise<void> {
    for (const endpoint of this.place.endpoints()) {
      await eventually(() => this.outside.held('/none/', { endpoint }), SOON);
    }
    await eventually(() => this.direct.status(), SOON);
  }

  async watchersProblem(timeoutMs: number): Promise<string | undefined> {
    let watchers = 0;
    const isBack = async () => (watchers = await this.outside.watchers()) === this.#baseline;
    return eventually(isBack, { timeoutMs, intervalMs: 25 }).then(
      () => undefined,
      () => `the store has ${watchers} watches instead of ${this.#baseline}`,
    );
  }

  async close(): Promise<void> {
    clearInterval(this.#looking);
    await closeAll(this.#closing);
  }

  async #begin(): Promise<void> {
    const { writers, mirrors, outside } = this;
    writers.resume();
    // Something of everything is there before the first fault.
    await eventually(() => writers.figures.writes > 20 && writers.beacon.length > 5, SOON);
    await writers.pause();
    await eventually(async () => {
      const held = await outside.held(PREFIX);
      return mirrors.every(({ view }) => contentDifferences(view, held).length === 0);
    }, SOON);
    // A count that stays for some time: what was closed on the way may take a moment.
    let same = 0;
    await eventually(
      async () => {
        const watchers = await outside.watchers();
        same = watchers === this.#baseline ? same + 1 : 0;
        this.#baseline = watchers;
        return same >= 5;
      },
      { ...SOON, intervalMs: 30 },
    );
  }
}

async function closeAll(closing: (() => Promise<unknown>)[]): Promise<void> {
  // In reverse: mirrors before their store, and that before the server. A failure leaves nothing else open.
  for (const close of closing.splice(0).reverse()) await close().catch(() => undefined);
}
