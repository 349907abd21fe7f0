import { type ConfigStore, type Logger, StoreError } from '@holdfast/store';
import { createStore, type KeyRange } from '@holdfast/store/adapter';
import { type Recorder, recordStore } from '@holdfast/testkit';
import { Connections } from './connections.js';
import type { Endpoints } from '../cluster/endpoints.js';
import { Link } from './link.js';
import type { Members } from '../cluster/members.js';
import type { NetFault, Plan } from '../plans/plan.js';
import type { Random } from '../plans/random.js';
import { RemoteDriver } from './remote-driver.js';
import type { RemoteWatch } from './remote-watch.js';
import type { RunOptions } from '../run-options.js';
import type { ClockView, SimClock } from '../sim-clock.js';
import { STORE_BUDGET } from './budget.js';

const KEEPALIVE_MS = 1_200;

export interface ClientOptions {
  readonly name: string;
  readonly data: ConfigStore;
  readonly backend: Plan['backend'];
  readonly isScant: boolean;
  readonly clock: SimClock;
  readonly random: Random;
  readonly members: Members;
  /** In a world that has them. */
  readonly endpoints: Endpoints | undefined;
  readonly recorder: Recorder;
  readonly count: (fault: string) => void;
  /** What a deletion at a revision was asked to delete, where the backend tells that instead of the keys. */
  readonly deletedRange: (revision: number) => KeyRange | undefined;
  /** Which history the server has. */
  readonly term: () => number;
  readonly run: RunOptions;
}

/** What a process has, and loses when it dies. */
interface Process {
  readonly store: ConfigStore;
  readonly recorded: ConfigStore;
  readonly connections: Connections | undefined;
}

/** One process of a world, and the ones that are started in its place: its connection, its wall clock, and the store as it has it. */
export class Client {
  readonly link: Link;
  readonly #options: ClientOptions;
  readonly #views: ClockView[] = [];
  readonly #watches = new Set<RemoteWatch>();
  /** How often it was suspended or resumed. */
  #pauses = 0;
  #process: Process;
  /** How often it has died. */
  #deaths = 0;
  #clockOffset = 0;
  /** Whether it has died, and was not started again. */
  isDown = false;

  constructor(options: ClientOptions) {
    const { name, clock, random, count } = options;
    this.#options = options;
    this.link = new Link({ clock, random, name, keepaliveMs: KEEPALIVE_MS, count });
    this.#process = this.#newProcess();
  }

  get store(): ConfigStore {
    return this.#process.store;
  }

  /** The same store, for calls whose answers are checked at the end. */
  get recorded(): ConfigStore {
    return this.#process.recorded;
  }

  #newProcess(): Process {
    const { name, data, backend, isScant, random, members, recorder, count, deletedRange, term, run } = this.#options;
    const view = this.newView(name);
    const connections = this.#connect(view);
    const driver = new RemoteDriver(data, {
      link: this.link,
      connections,
      random,
      count,
      members,
      backend,
      isScant,
      deletedRange,
      term,
      onWatch: (watch) => this.#watches.add(watch),
    });
    const created = createStore(driver, { clock: view, bufferBytes: STORE_BUDGET });
    const store = run.wrapStore?.(created) ?? created;
    return { store, recorded: recordStore(store, recorder, name), connections };
  }

  /** It dies, with all that it knew of the store. Its connections end. */
  async die(): Promise<void> {
    const { store } = this.#process;
    this.#deaths += 1;
    this.isDown = true;
    this.link.reset();
    this.#process = this.#newProcess();
    // After its watches.
    await new Promise((resolve) => setImmediate(resolve));
    await store.close();
  }

  /** What it knows of the cluster that it follows; `undefined` where nobody asks. */
  get identity(): Connections['identity'] | undefined {
    return this.#process.connections?.identity;
  }

  #connect(view: ClockView): Connections | undefined {
    const { endpoints, name, clock, random, count, run } = this.#options;
    if (endpoints === undefined) return undefined;
    const say: Logger['info'] = (message) => run.trace?.(`${name}: ${message}`);
    return new Connections({
      name,
      link: this.link,
      endpoints,
      clock,
      view,
      random: random.fork(),
      count,
      logger: { debug: say, info: say, warn: say, error: say },
      acceptAfterMs: run.acceptAfterMs,
    });
  }

  /** The time as something in this process sees it; of its timers it is told apart by its name. */
  newView(owner: string): ClockView {
    const view = this.#options.clock.view(this.#deaths === 0 ? owner : `${owner} after ${this.#deaths} deaths`);
    view.jump(this.#clockOffset);
    this.#views.push(view);
    return view;
  }

  disturb(fault: NetFault): void {
    this.link.apply(fault);
    // A long poll is a request like any other, and is refused like any other.
    if (this.#options.backend === 'v2' && this.link.isDenied) this.failWatches('denied');
  }

  /** The server ends its watches. */
  failWatches(how: 'unavailable' | 'internal' | 'denied'): void {
    const error = how === 'denied' ? this.link.denial(undefined) : new StoreError(how, 'the watch broke at the server');
    for (const watch of [...this.#watches]) {
      if (watch.isOpen) this.#options.count(`watch ended: ${how}`);
      watch.fail(error);
    }
    this.#watches.clear();
  }

  /** Its connection seems to stay up, and brings nothing more. */
  deafen(): void {
    for (const watch of this.#watches) watch.deafen();
  }

  /** Somebody sets its wall clock. */
  jump(ms: number): void {
    this.#clockOffset += ms;
    for (const view of this.#views) view.jump(ms);
  }

  /** Its process does not run, until it is resumed. */
  suspend(): void {
    this.#pauses += 1;
    this.link.suspend();
    for (const view of this.#views) view.suspend();
  }

  /** Goes on. Its timers come first, and then what has reached it meanwhile. */
  resume(): void {
    const pause = (this.#pauses += 1);
    for (const view of this.#views) view.resume();
    this.link.wait(this.link.delay(), () => {
      if (this.#pauses === pause) this.link.resume();
    });
  }

  /** Nothing is left of it when everything in it is closed. */
  checkResources(violated: (guarantee: string, message: string) => void): void {
    const { name } = this.#options;
    if (this.link.pending > 0) violated('resources', `${name} left ${this.link.pending} requests or streams`);
    for (const view of this.#views) {
      if (view.pending > 0) violated('resources', `${name} left ${view.pending} timers`);
    }
  }
}
