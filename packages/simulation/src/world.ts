import { memoryStore, type MemoryStore } from '@holdfast/memory';
import {
  type ConfigStore,
  createStore,
  isStoreError,
  KeyRange,
  type Op,
  StoreError,
  type Watch,
} from '@holdfast/store';
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
import { Link } from './link.js';
import { MirrorHost } from './mirror-host.js';
import { type Plan, PREFIX, SPARED, type Step, type Write } from './plan.js';
import { Random } from './random.js';
import { RemoteDriver } from './remote-driver.js';
import type { RemoteWatch } from './remote-watch.js';
import { type ClockView, SimClock } from './sim-clock.js';
import { type Epoch, Truth } from './truth.js';
import { goodText, invalidText, unreadableText } from './values.js';
import { WatchHost } from './watch-host.js';

const KEEPALIVE_MS = 1_200;
/** How long after the last fault everything must be in order again. */
const CONVERGENCE_MS = 20_000;

/** What came of a plan. */
export interface Outcome {
  readonly violations: readonly Violation[];
  readonly stats: Stats;
}

export interface Stats {
  steps: number;
  timers: number;
  /** Change events that listeners were told. */
  events: number;
  /** Times that somebody looked at all of a mirror. */
  looks: number;
  commits: number;
  /** Batches of plain watches. */
  batches: number;
  /** Virtual milliseconds. */
  elapsedMs: number;
  /** From the end of the last fault until everything was live and equal, in virtual milliseconds. */
  convergenceMs: number;
  readonly faults: Record<string, number>;
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
  readonly #stats: Stats = {
    steps: 0,
    timers: 0,
    events: 0,
    looks: 0,
    commits: 0,
    batches: 0,
    elapsedMs: 0,
    convergenceMs: 0,
    faults: {},
  };
  readonly #deleted = new Map<number, KeyRange>();
  readonly #background = new Set<Promise<unknown>>();
  #snapshot: { readonly data: ReturnType<MemoryStore['snapshot']>; readonly epoch: Epoch } | undefined;
  #compacted = 0;
  #written = 0;

  constructor(plan: Plan, options: RunOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#random = new Random(plan.seed);
    this.#data = memoryStore({ clock: this.#clock.view('server'), random: this.#random.fork().next });
    this.#truth = new Truth(
      this.#data,
      () => this.#clock.now,
      (commit) => {
        this.#stats.commits += 1;
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
        clocksJump,
      });
    });
    this.#watches = plan.watches.map(
      (watch, index) => new WatchHost(`watcher ${index}`, watch, this.#client(watch.client).store, this.#recorder),
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
    return { violations: this.#violations, stats: this.#stats };
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
    this.#stats.timers = this.#clock.fired;
    this.#stats.elapsedMs = this.#clock.now - began;
    this.#stats.events = this.#mirrors.reduce((sum, { events }) => sum + events, 0);
    this.#stats.looks = this.#mirrors.reduce((sum, { looks }) => sum + looks, 0);
    this.#stats.batches = this.#watches.reduce((sum, { batches }) => sum + batches, 0);
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
    const link = new Link({ clock: this.#clock, random, name: `client ${index}`, keepaliveMs: KEEPALIVE_MS });
    const watches = new Set<RemoteWatch>();
    const driver = new RemoteDriver(this.#data, {
      link,
      random,
      backend: this.#plan.backend,
      deletedRange: (revision) => this.#deleted.get(revision),
      term: () => this.#truth.epochs.length,
      onWatch: (watch) => watches.add(watch),
    });
    const view = this.#clock.view(`client ${index}`);
    const store = createStore(driver, { clock: view, bufferBytes: 4_000 });
    return { link, store: this.#options.wrapStore?.(store) ?? store, views: [view], watches };
  }

  #client(index: number): Client {
    const client = this.#clients[index % this.#clients.length];
    if (client === undefined) throw new RangeError(`there is no client ${index}`);
    return client;
  }

  #count(fault: string): void {
    this.#stats.faults[fault] = (this.#stats.faults[fault] ?? 0) + 1;
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
        if (step.client === undefined) await this.#writeTo(this.#data, step.write);
        else this.#start(this.#writeTo(this.#recorded[step.client % this.#clients.length] ?? this.#data, step.write));
        break;
      case 'net':
        this.#count(step.fault);
        this.#client(step.client).link.apply(step.fault);
        break;
      case 'cut-after':
        this.#count('cut at a message');
        this.#client(step.client).link.cutAfter(step.messages);
        break;
      case 'reads':
        this.#count(`reads ${step.how}`);
        this.#client(step.client).link.failReads(step.count, step.how);
        break;
      case 'watches':
        this.#count(`watches fail: ${step.how}`);
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
        this.#count('clock jump');
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

  async #writeTo(store: ConfigStore, write: Write): Promise<void> {
    try {
      const { revision } = await this.#write(store, write);
      this.#trace?.(`written as ${revision}: ${JSON.stringify(write)}`);
    } catch (error) {
      this.#trace?.(`not written: ${JSON.stringify(write)}: ${String(error)}`);
      if (!isStoreError(error) || error.outcome === undefined)
        this.#violated('outcome', `${JSON.stringify(write)} failed without an outcome: ${String(error)}`);
    }
  }

  async #write(store: ConfigStore, write: Write): Promise<{ readonly revision: number }> {
    const n = (this.#written += 1);
    switch (write.kind) {
      case 'put': {
        const text = { good: goodText, unreadable: unreadableText, invalid: invalidText }[write.value](n);
        const result = await store.put(write.key, text, write.ttl === undefined ? {} : { ttl: write.ttl });
        return result;
      }
      case 'delete':
        return store.delete(write.key);
      case 'delete-prefix': {
        const range = { start: write.prefix, end: `${write.prefix}${SPARED}` };
        // At the server, where the revision is known before anybody is told of it.
        if (this.#plan.backend === 'v2') return this.#deleteDirectory(range);
        return store.delete(range);
      }
      case 'txn': {
        const puts = write.puts.map((key): Op => ({ type: 'put', key, value: goodText(n) }));
        const deletes = write.deletes.map((key): Op => ({ type: 'delete', range: { key } }));
        if (this.#plan.backend === 'v2') return this.#data.txn({ then: [...puts, ...deletes] });
        return store.txn({ then: [...puts, ...deletes] });
      }
      case 'guarded':
        await store.put(write.key, goodText(n), write.guard === 'absent' ? { ifAbsent: true } : { ifPresent: true });
        return { revision: 0 };
      case 'raw':
        return {
          revision: this.#data.injectRaw(
            Buffer.concat([Buffer.from(`${PREFIX}routes/`), Buffer.from([write.byte])]),
            'raw',
          ),
        };
    }
  }

  async #deleteDirectory(range: { readonly start: string; readonly end: string }): Promise<{ revision: number }> {
    const result = await this.#data.delete(range);
    if (result.deleted !== 0) this.#deleted.set(result.revision, KeyRange.from(range));
    return result;
  }

  #failWatches({ link, watches }: Client, how: 'unavailable' | 'internal' | 'denied'): void {
    const error = how === 'denied' ? link.denial(undefined) : new StoreError(how, 'the watch broke at the server');
    for (const watch of [...watches]) watch.fail(error);
    watches.clear();
  }

  async #compact(behind: number): Promise<void> {
    const { revision } = await this.#data.status();
    const at = revision - behind;
    if (at <= this.#compacted || at < 1) return;
    this.#count('compaction');
    this.#compacted = at;
    await this.#data.compact(at);
  }

  async #restore({ from, identity, writes }: Extract<Step, { do: 'restore' }>): Promise<void> {
    this.#count(
      `${from === 'nothing' ? 'wipe' : 'restore'}, ${identity} identity${writes.length === 0 ? '' : ', overtaking'}`,
    );
    // The server stops: all connections end, and come back only when it runs again with what it was given.
    for (const { link } of this.#clients) link.reset();
    const snapshot = from === 'snapshot' ? this.#snapshot : undefined;
    await this.#truth.end();
    if (snapshot === undefined) this.#data.wipe({ identity });
    else this.#data.restore(snapshot.data, { identity });
    this.#compacted = snapshot?.data.compactRevision ?? 0;
    this.#deleted.clear();
    await this.#truth.begin(snapshot?.epoch);
    for (const write of writes) await this.#writeTo(this.#data, write);
  }

  async #lease(act: 'keep-alive' | 'revoke'): Promise<void> {
    const [lease] = await this.#data.leases.list();
    if (lease === undefined) return;
    this.#count(`lease: ${act}`);
    await (act === 'revoke' ? this.#data.leases.revoke(lease) : this.#data.leases.keepAlive(lease));
  }

  #actOnMirror({ index, act }: Extract<Step, { do: 'mirror' }>): void {
    const mirror = this.#mirrors[index % this.#mirrors.length];
    if (mirror === undefined) return;
    if (act !== 'sync' && act !== 'open') this.#count(`mirror: ${act}`);
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
    if (act === 'pause') this.#count('slow consumer');
    if (act === 'close') this.#start(watch.close());
    else watch[act]();
  }

  /** Everything heals; everyone must then come to show what there is, within a bounded time. */
  async #converge(): Promise<void> {
    this.#trace?.('everything heals');
    for (const { link } of this.#clients) link.apply('heal');
    for (const watch of this.#watches) watch.resume();
    // Writes that are under way arrive; leases that would end later end now.
    await this.#clock.advance(1_000);
    for (const lease of await this.#data.leases.list()) await this.#data.leases.revoke(lease);
    // What is closed stays closed; what could not open gets another chance.
    for (const mirror of this.#mirrors) mirror.open();
    const last = { kind: 'put', key: `${PREFIX}limits`, value: 'good' } as const;
    await this.#writeTo(this.#data, last);
    const began = this.#clock.now;
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
    this.#stats.convergenceMs = this.#clock.now - began;
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
    this.#clients.forEach(({ views }, index) => {
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
    this.#violations.push(
      ...checkStates(this.#recorder),
      // A directory's deletion does not say what was in it, so its keys can't be compared.
      ...(isV2 ? [] : checkWatches(this.#recorder, timeline)),
      ...checkOperations(this.#recorder, timeline),
    );
  }
}
