import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { type ConfigStore, createStore, isStoreError, StoreError, type Watch } from '@holdfast/store';
import {
  checkOperations,
  checkStates,
  checkWatches,
  Recorder,
  recordStore,
  recordWatch,
  timelineOf,
  type Violation,
} from '@holdfast/testkit';
import { FaultCounts } from './fault-counts.js';
import { Link } from './link.js';
import { Members } from './members.js';
import { LIVENESS_MS } from './host-options.js';
import { MirrorHost } from './mirror-host.js';
import { type NetFault, type Plan, PREFIX, type Step } from './plan.js';
import { Random } from './random.js';
import { RemoteDriver } from './remote-driver.js';
import type { RemoteWatch } from './remote-watch.js';
import { type ClockView, SimClock } from './sim-clock.js';
import { type Epoch, Truth } from './truth.js';
import { haveTwins } from './twins.js';
import type { Layout } from './opened-mirror.js';
import { noStats, type Stats } from './stats.js';
import { STORE_BUDGET, WatchHost } from './watch-host.js';
import { Writer } from './writer.js';

const KEEPALIVE_MS = 1_200;
/** How long after the last fault everything must be in order again. */
const CONVERGENCE_MS = 20_000;
/** How long connections outlive a server that went back. */
const KEPT_MS = 2 * LIVENESS_MS;
/** By how many revisions it must have gone back for nothing to overtake the mirrors meanwhile. */
const KEPT_DISTANCE = 12;
/** What happened so long before the end is what everything had to recover from, in milliseconds. */
const RECENT_MS = 2_000;

/** What came of a plan. */
export interface Outcome {
  readonly violations: readonly Violation[];
  /** There were violations, and two histories that nobody can tell apart: see `haveTwins`. */
  readonly isSetAside: boolean;
  readonly stats: Stats;
  /** What went wrong, and how often. */
  readonly faults: Readonly<Record<string, number>>;
  /** How everything came to be live and equal; absent where it did not. */
  readonly convergence?: Convergence;
}

export interface Convergence {
  /** From the end of the last fault, in virtual milliseconds. */
  readonly ms: number;
  /** What had gone wrong shortly before. */
  readonly after: readonly string[];
}

export interface RunOptions {
  readonly trace?: ((line: string) => void) | undefined;
  /** Something between the clients and their adapter, for mutants. */
  readonly wrapStore?: ((store: ConfigStore) => ConfigStore) | undefined;
}

interface Client {
  readonly link: Link;
  readonly store: ConfigStore;
  readonly views: ClockView[];
  readonly watches: Set<RemoteWatch>;
}

/** Runs a plan in a world of its own. The same plan gives the same outcome, always. */
export async function runPlan(plan: Plan, options: RunOptions = {}): Promise<Outcome> {
  return new World(plan, options).run();
}

/** What really happened, in the form that the testkit's checkers take. */
interface Recording {
  readonly recorder: Recorder;
  readonly recorded: Watch;
}

// One violation leads to others; the first ones tell.
const MOST_VIOLATIONS = 20;

class World {
  readonly #plan: Plan;
  readonly #options: RunOptions;
  readonly #clock = new SimClock();
  readonly #random: Random;
  readonly #data: MemoryStore;
  readonly #truth: Truth;
  readonly #recorder = new Recorder();
  readonly #clients: Client[];
  readonly #mirrors: MirrorHost[];
  readonly #watches: WatchHost[];
  readonly #recorded: ConfigStore[];
  readonly #violations: Violation[] = [];
  readonly #stats = noStats();
  readonly #faults: FaultCounts;
  readonly #members: Members;
  readonly #writer: Writer;
  readonly #leases = new Set<string>();
  readonly #background = new Set<Promise<unknown>>();
  #snapshot: { readonly data: ReturnType<MemoryStore['snapshot']>; readonly epoch: Epoch } | undefined;
  #compacted = 0;
  #isRestoring = false;
  #isHealing = false;
  #convergence: Convergence | undefined;

  constructor(plan: Plan, options: RunOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#random = new Random(plan.seed);
    this.#faults = new FaultCounts(() => this.#clock.now);
    this.#members = new Members(plan.members ?? 1);
    this.#data = memoryStore({ clock: this.#clock.view('server'), random: this.#random.fork().next });
    this.#writer = new Writer({
      data: this.#data,
      backend: plan.backend,
      trace: this.#trace,
      violated: this.#violated,
    });
    this.#truth = new Truth(
      this.#data,
      () => this.#clock.now,
      (commit) => {
        this.#stats.commits += 1;
        for (const lease of commit.leases) this.#start(this.#noteEndOfLease(lease));
        for (const mirror of this.#mirrors) mirror.noteCommit(commit, this.#truth.current);
      },
    );
    this.#clients = Array.from({ length: plan.clients }, (_, index) => this.#newClient(index));
    this.#recorded = this.#clients.map(({ store }, index) => recordStore(store, this.#recorder, `client ${index}`));
    const clocksJump = plan.steps.some((step) => step.do === 'jump');
    this.#mirrors = plan.mirrors.map((mirror, index) => {
      const client = this.#client(mirror.client);
      const view = this.#clock.view(`mirror ${index}`);
      client.views.push(view);
      return new MirrorHost({
        name: `mirror ${index} (${mirror.kind}, ${mirror.decode})`,
        plan: mirror,
        store: client.store,
        clock: this.#clock,
        view,
        random: this.#random.fork(),
        truth: this.#truth,
        trace: this.#trace,
        violated: this.#violated,
        count: this.#faults.add,
        wasCompacted: () => this.#compacted > 0,
        clocksJump,
      });
    });
    this.#watches = plan.watches.map(
      (watch, index) =>
        new WatchHost(`watcher ${index}`, watch, {
          store: this.#client(watch.client).store,
          recorder: this.#recorder,
          now: () => this.#clock.now,
          violated: this.#violated,
        }),
    );
  }

  async run(): Promise<Outcome> {
    const onRejection = (error: unknown) => {
      this.#violated('internal', `a rejection that nobody handles: ${String(error)}`);
    };
    process.on('unhandledRejection', onRejection);
    try {
      await this.#live();
    } finally {
      process.off('unhandledRejection', onRejection);
    }
    const isSetAside = this.#violations.length > 0 && haveTwins(this.#truth.epochs, this.#layouts);
    if (isSetAside) this.#trace?.('set aside: two of its histories can not be told apart');
    return {
      violations: isSetAside ? [] : this.#violations,
      isSetAside,
      stats: this.#stats,
      faults: this.#faults.toRecord(),
      ...(this.#convergence === undefined ? {} : { convergence: this.#convergence }),
    };
  }

  async #live(): Promise<void> {
    const record = await this.#startRecording();
    await this.#truth.begin();
    const began = this.#clock.now;
    for (const mirror of this.#mirrors) mirror.open();
    for (const watch of this.#watches) watch.open();
    this.#clock.onFired = () => {
      for (const mirror of this.#mirrors) mirror.look('between two events');
    };
    for (const step of this.#plan.steps) {
      this.#stats.steps += 1;
      await this.#do(step);
      await this.#clock.settle();
      if (this.#violations.length > 0) break;
    }
    if (this.#violations.length === 0) await this.#converge();
    this.#clock.onFired = () => undefined;
    await this.#close();
    if (this.#violations.length === 0) await this.#judge(record);
    await this.#data.close();
    this.#gatherStats(began);
  }

  #gatherStats(began: number): void {
    const stats = this.#stats;
    const sum = (figures: readonly number[]) => figures.reduce((total, figure) => total + figure, 0);
    stats.timers = this.#clock.fired;
    stats.elapsedMs = this.#clock.now - began;
    stats.messages = sum(this.#clients.map(({ link }) => link.messages));
    for (const name of ['events', 'looks', 'states', 'syncs', 'resyncs'] as const)
      stats[name] = sum(this.#mirrors.map((mirror) => mirror[name]));
    stats.batches = sum(this.#watches.map(({ batches }) => batches));
    stats.watchEvents = sum(this.#watches.map(({ events }) => events));
  }

  get #layouts(): Layout[] {
    return this.#mirrors.map(({ layout }) => layout);
  }

  get #trace(): ((line: string) => void) | undefined {
    const { trace } = this.#options;
    return trace === undefined
      ? undefined
      : (line) => {
          trace(`${String(this.#clock.now - Date.UTC(2020, 0, 1)).padStart(7)}  ${line}`);
        };
  }

  readonly #violated = (guarantee: string, message: string): void => {
    this.#trace?.(`VIOLATION ${guarantee}: ${message}`);
    if (this.#violations.length < MOST_VIOLATIONS) this.#violations.push({ guarantee, message });
  };

  #newClient(index: number): Client {
    const random = this.#random.fork();
    const count = this.#faults.add;
    const link = new Link({ clock: this.#clock, random, name: `client ${index}`, keepaliveMs: KEEPALIVE_MS, count });
    const watches = new Set<RemoteWatch>();
    const driver = new RemoteDriver(this.#data, {
      link,
      random,
      count,
      members: this.#members,
      backend: this.#plan.backend,
      deletedRange: (revision) => this.#writer.deletedRange(revision),
      term: () => this.#truth.epochs.length,
      onWatch: (watch) => watches.add(watch),
    });
    const view = this.#clock.view(`client ${index}`);
    const store = createStore(driver, { clock: view, bufferBytes: STORE_BUDGET });
    return { link, store: this.#options.wrapStore?.(store) ?? store, views: [view], watches };
  }

  #client(index: number): Client {
    const client = this.#clients[index % this.#clients.length];
    if (client === undefined) throw new RangeError(`there is no client ${index}`);
    return client;
  }

  /** Lets it run beside the steps; whoever starts it deals with its failure. */
  #start(work: Promise<unknown>): void {
    this.#background.add(work);
    void work
      .finally(() => this.#background.delete(work))
      .catch((error: unknown) => {
        this.#violated('internal', `something failed that should not: ${String(error)}`);
      });
  }

  async #do(step: Step): Promise<void> {
    if (step.do !== 'wait') this.#trace?.(`* ${JSON.stringify(step)}`);
    switch (step.do) {
      case 'wait':
        await this.#clock.advance(step.ms);
        break;
      case 'write':
        if (step.client === undefined) await this.#writer.write(this.#data, step.write);
        else this.#start(this.#writer.write(this.#recordedClient(step.client), step.write));
        break;
      case 'read':
        this.#start(this.#read(step));
        break;
      case 'net':
        this.#disturb(step.client, step.fault);
        break;
      case 'member':
        this.#actOnMember(step);
        break;
      case 'at':
        this.#atAnyAwait(step);
        break;
      case 'cut-after':
        this.#client(step.client).link.cutAfter(step.messages);
        break;
      case 'reads':
        this.#client(step.client).link.failReads(step.count, step.how);
        break;
      case 'watches':
        this.#failWatches(this.#client(step.client), step.how);
        break;
      case 'compact':
        await this.#compact(step.behind);
        break;
      case 'snapshot':
        this.#snapshot = { data: this.#data.snapshot(), epoch: this.#truth.current };
        break;
      case 'restore':
        await this.#restore(step);
        break;
      case 'jump':
        this.#faults.add('clock jump');
        for (const view of this.#client(step.client).views) view.jump(step.ms);
        break;
      case 'lease':
        await this.#lease(step.act);
        break;
      case 'mirror':
        this.#actOnMirror(step);
        break;
      case 'watch':
        this.#actOnWatch(step);
        break;
      default:
        step satisfies never;
    }
  }

  #recordedClient(index: number): ConfigStore {
    return this.#recorded[index % this.#clients.length] ?? this.#data;
  }

  async #read({ client, key, how }: Extract<Step, { do: 'read' }>): Promise<void> {
    const store = this.#recordedClient(client);
    try {
      if (how === 'list') await store.list({ prefix: PREFIX });
      else await store.get(key, how === 'serializable' ? { consistency: 'serializable' } : {});
    } catch (error) {
      // An outage, which is never a value.
      if (!isStoreError(error)) this.#violated('outcome', `a read failed with ${String(error)}`);
    }
  }

  #disturb(index: number, fault: NetFault): void {
    const client = this.#client(index);
    client.link.apply(fault);
    // A long poll is a request like any other, and is refused like any other.
    if (this.#plan.backend === 'v2' && client.link.isDenied) this.#failWatches(client, 'denied');
  }

  #actOnMember({ member, act }: Extract<Step, { do: 'member' }>): void {
    if (act === 'catch-up') this.#members.catchUp(member);
    else if (this.#members.lag(member, this.#truth.current.head)) this.#faults.add('member lags');
  }

  /** What comes suddenly comes in the middle of something. */
  #atAnyAwait({ client, messages, turns, then }: Extract<Step, { do: 'at' }>): void {
    this.#client(client).link.atMessage(messages, () => {
      void (async () => {
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        // What a consumer was handed before it closes its watch is written down a turn later.
        if (then.do === 'watch') await new Promise((resolve) => setImmediate(resolve));
        if (this.#isHealing) return;
        this.#trace?.(`* suddenly ${JSON.stringify(then)}`);
        this.#faults.add(
          `at an await: ${then.do === 'compact' ? 'compaction' : `${then.do} ${'act' in then ? then.act : then.fault}`}`,
        );
        if (then.do === 'compact') this.#start(this.#compact(then.behind));
        else if (then.do === 'net') this.#disturb(then.client, then.fault);
        else if (then.do === 'mirror') this.#actOnMirror(then);
        else this.#actOnWatch(then);
      })();
    });
  }

  #failWatches({ link, watches }: Client, how: 'unavailable' | 'internal' | 'denied'): void {
    const error = how === 'denied' ? link.denial(undefined) : new StoreError(how, 'the watch broke at the server');
    for (const watch of [...watches]) {
      if (watch.isOpen) this.#faults.add(`watch ended: ${how}`);
      watch.fail(error);
    }
    watches.clear();
  }

  async #compact(behind: number): Promise<void> {
    const at = this.#truth.current.head - behind;
    if (this.#isRestoring || at <= this.#compacted || at < 1) return;
    this.#faults.add('compaction');
    this.#compacted = at;
    await this.#data.compact(at);
  }

  async #restore({ from, identity, writes, connections }: Extract<Step, { do: 'restore' }>): Promise<void> {
    const snapshot = from === 'snapshot' ? this.#snapshot : undefined;
    const [before, target] = [this.#truth.current, snapshot?.data.revision ?? 1];
    // What is behind by less might be overtaken by what is under way, and then nothing short of an audit tells.
    const isKept = connections === 'kept' && this.#mirrors.every((mirror) => mirror.isPast(target + KEPT_DISTANCE));
    this.#isRestoring = true;
    if (isKept) for (const { watches } of this.#clients) for (const watch of watches) watch.deafen();
    // The server stops: all connections end, and come back only when it runs again with what it was given.
    else for (const { link } of this.#clients) link.reset();
    await this.#truth.end();
    if (snapshot === undefined) this.#data.wipe({ identity });
    else this.#data.restore(snapshot.data, { identity });
    this.#members.catchUpAll();
    this.#compacted = snapshot?.data.compactRevision ?? 0;
    this.#writer.forget();
    await this.#truth.begin(snapshot?.epoch);
    this.#isRestoring = false;
    for (const write of writes) await this.#writer.write(this.#data, write);
    this.#faults.add(from === 'nothing' ? 'wipe' : 'restore');
    this.#faults.add(identity === 'new' ? 'identity change' : 'another history of the same identity');
    const rolledBack = this.#truth.current.head < before.head;
    this.#faults.add(rolledBack ? 'revision rollback' : 'revision overtaken');
    if (isKept) await this.#keepConnections();
  }

  /** The server went back, and connections stay up for longer than a mirror may believe in what it has. */
  async #keepConnections(): Promise<void> {
    this.#faults.add('server went back behind its connections');
    await this.#clock.advance(KEPT_MS);
    for (const { link } of this.#clients) link.reset();
  }

  /** Counts a lease that ended, once, if it ended by itself. */
  async #noteEndOfLease(lease: string): Promise<void> {
    if (this.#leases.has(lease)) return;
    const left = await this.#data.leases.list();
    if (left.some((each) => each === lease) || this.#leases.has(lease)) return;
    this.#leases.add(lease);
    this.#faults.add('lease expiry');
  }

  async #lease(act: 'keep-alive' | 'revoke'): Promise<void> {
    const [lease] = await this.#data.leases.list();
    if (lease === undefined) return;
    this.#faults.add(`lease: ${act}`);
    if (act === 'revoke') this.#leases.add(lease);
    await (act === 'revoke' ? this.#data.leases.revoke(lease) : this.#data.leases.keepAlive(lease));
  }

  #actOnMirror({ index, act }: Extract<Step, { do: 'mirror' }>): void {
    const mirror = this.#mirrors[index % this.#mirrors.length];
    if (mirror === undefined) return;
    if (act !== 'sync' && act !== 'open' && mirror.isOpen) this.#faults.add(`mirror: ${act}`);
    switch (act) {
      case 'sync':
        this.#start(mirror.sync());
        break;
      case 'wait-for':
        this.#start(mirror.waitFor());
        break;
      case 'close':
        this.#start(mirror.close());
        break;
      case 'abort':
        mirror.abort();
        break;
      case 'open':
        mirror.open();
        break;
      case 'close-in-listener':
        mirror.closeInListener();
        break;
      case 'abort-sync': {
        const controller = new AbortController();
        this.#start(mirror.sync(controller.signal));
        this.#clock.set(
          'application',
          () => {
            controller.abort();
          },
          3,
        );
        break;
      }
      default:
        act satisfies never;
    }
  }

  #actOnWatch({ index, act }: Extract<Step, { do: 'watch' }>): void {
    const watch = this.#watches[index % this.#watches.length];
    if (watch === undefined) return;
    if (watch.isOpen && act !== 'open' && act !== 'resume')
      this.#faults.add(act === 'pause' ? 'slow consumer' : `watch: ${act}`);
    if (act === 'close') this.#start(watch.close());
    else watch[act]();
  }

  /** Everything heals; everyone must then come to show what there is, within a bounded time. */
  async #converge(): Promise<void> {
    this.#trace?.('everything heals');
    this.#isHealing = true;
    for (const { link } of this.#clients) link.apply('heal');
    this.#members.catchUpAll();
    for (const watch of this.#watches) watch.resume();
    // Writes that are under way arrive; leases that would end later end now.
    await this.#clock.advance(1_000);
    for (const lease of await this.#data.leases.list()) {
      this.#leases.add(lease);
      await this.#data.leases.revoke(lease);
    }
    // What is closed stays closed; what could not open gets another chance.
    for (const mirror of this.#mirrors) mirror.open();
    const last = { kind: 'put', key: `${PREFIX}limits`, value: 'good' } as const;
    await this.#writer.write(this.#data, last);
    const began = this.#clock.now;
    const after = this.#faults.recent(RECENT_MS);
    while (!this.#mirrors.every((mirror) => mirror.hasConverged())) {
      if (this.#clock.now - began > CONVERGENCE_MS) {
        for (const mirror of this.#mirrors) {
          if (!mirror.hasConverged())
            this.#violated(
              'convergence',
              `mirror ${this.#mirrors.indexOf(mirror)} is ${mirror.opened?.mirror.state.status ?? 'not open'} at ${mirror.opened?.mirror.revision ?? 0} of ${this.#truth.current.head}, ${CONVERGENCE_MS} ms after the last fault`,
            );
        }
        return;
      }
      await this.#clock.advance(50);
      for (const mirror of this.#mirrors) mirror.open();
      if (this.#violations.length > 0) return;
    }
    this.#convergence = { ms: this.#clock.now - began, after };
    // Debounced and slow consumers have their time too.
    await this.#clock.advance(3_000);
    for (const mirror of this.#mirrors) {
      mirror.checkFollowers();
      const synced = mirror.sync();
      await Promise.all([synced, this.#clock.advance(3_000)]);
      if ((await synced) !== 'done') this.#violated('sync', 'sync() failed although nothing was wrong');
    }
  }

  async #close(): Promise<void> {
    this.#trace?.('everything closes');
    const closing = Promise.all([
      ...this.#mirrors.map((mirror) => mirror.close()),
      ...this.#watches.map((watch) => watch.close()),
    ]);
    await Promise.all([closing, this.#clock.advance(20)]);
    await Promise.all([Promise.all(this.#clients.map(({ store }) => store.close())), this.#clock.advance(20)]);
    // What is still under way arrives, and finds nobody.
    await this.#clock.advance(2_000);
    await Promise.all([Promise.allSettled(this.#background), this.#clock.advance(5_000)]);
    if (this.#violations.length > 0) return;
    this.#clients.forEach(({ views, link }, index) => {
      if (link.pending > 0) this.#violated('resources', `client ${index} left ${link.pending} requests or streams`);
      for (const view of views) {
        if (view.pending > 0) this.#violated('resources', `client ${index} left ${view.pending} timers`);
      }
    });
    for (const watch of this.#watches) {
      if (watch.listeners > 0) this.#violated('resources', `a watch listens to its signal after close()`);
    }
  }

  async #startRecording(): Promise<Recording> {
    const watch = this.#data.watch({ prefix: '' });
    const bookmark = await watch.ready;
    const recorder = new Recorder();
    const recorded = recordWatch(watch, recorder, {
      client: 'truth',
      range: { prefix: '' },
      options: { after: bookmark },
    });
    void (async () => {
      try {
        for await (const _ of recorded);
      } catch {
        // Another history began: the checkers of one history are not asked then.
      }
    })();
    return { recorder, recorded };
  }

  /** What the checkers of recorded histories say, where there was only one history. */
  async #judge({ recorder, recorded }: Recording): Promise<void> {
    await this.#clock.advance(200);
    await recorded.close();
    await this.#truth.end();
    if (this.#data.watcherCount > 0)
      this.#violated('resources', `${this.#data.watcherCount} watches are left in the store`);
    if (this.#truth.epochs.length > 1) return;
    const [record] = recorder.watches;
    if (record === undefined) return;
    const timeline = timelineOf(record);
    const isV2 = this.#plan.backend === 'v2';
    this.#stats.operations = this.#recorder.operations.length;
    this.#violations.push(
      ...checkStates(this.#recorder),
      // A directory's deletion does not say what was in it, so its keys can't be compared.
      ...(isV2 ? [] : checkWatches(this.#recorder, timeline)),
      ...checkOperations(this.#recorder, timeline),
    );
  }
}
