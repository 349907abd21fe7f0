import type { Replication, ReplicationState } from '@holdfast/core/replicate';
import type { Logger } from '@holdfast/store';
import { ProcessClock } from '../coordination/process-clock.js';
import type { Client } from '../links/client.js';
import type { LateWrites } from '../links/late-writes.js';
import type { Random } from '../plans/random.js';
import type { ClockView, SimClock } from '../sim-clock.js';
import type { Implementation } from './implementation.js';
import { mapKey } from './mapping.js';
import { FROM, NAME, type ReplicationPlan, type Side, type Stop, TO } from './plan.js';
import type { Run } from './run.js';

export interface HostOptions {
  readonly name: string;
  readonly plan: ReplicationPlan;
  readonly clients: Readonly<Record<Side, Client>>;
  readonly lateWrites: LateWrites;
  readonly clock: SimClock;
  readonly random: Random;
  readonly implementation: Implementation;
  readonly trace: ((line: string) => void) | undefined;
  readonly count: (fault: string) => void;
  readonly violated: (guarantee: string, message: string) => void;
  /** Gives a new run of this process. */
  readonly newRun: (acceptsHistory: boolean) => Run;
  /** A conflict of a key of the target was told. */
  readonly onConflict: (run: Run, key: string) => void;
  readonly onEnd: (run: Run, error: unknown) => void;
}

const START_TIMEOUT_MS = 8_000;
const SYNC_TIMEOUT_MS = 4_000;

/** One process of a world: its stores, its clocks, and its replicator. */
export class Host {
  readonly name: string;
  readonly clients: Readonly<Record<Side, Client>>;
  readonly lateWrites: LateWrites;
  readonly #options: HostOptions;
  #run: Run | undefined;
  #latest: Run | undefined;
  #done: Promise<void> | undefined;
  /** Until nothing of a process that died is left. */
  #dying: Promise<unknown> | undefined;
  #clock: ProcessClock | undefined;
  #stop: number | undefined;
  #stops = 0;
  /** Whether somebody has taken rights away from it, or has put a proxy before a store. */
  mayBeRefused = false;

  constructor(options: HostOptions) {
    this.#options = options;
    this.name = options.name;
    this.clients = options.clients;
    this.lateWrites = options.lateWrites;
  }

  /** The run that lives. */
  get run(): Run | undefined {
    return this.#run;
  }

  /** The run that lives, or the last one: what it has sent may arrive after its end. */
  get latest(): Run | undefined {
    return this.#latest;
  }

  get replication(): Replication | undefined {
    return this.#run?.replication;
  }

  /** Resolves when it has ended, or could not start. */
  async start(acceptsHistory: boolean): Promise<void> {
    if (this.#run !== undefined) return;
    const run = (this.#run = this.#latest = this.#options.newRun(acceptsHistory));
    await this.#dying;
    // Another death may have come first.
    if (run.isLeft) return;
    for (const client of Object.values(this.clients)) {
      client.isDown = false;
      // A process of its own, with connections of its own.
      client.link.reset();
    }
    this.#options.trace?.(`${run.name} starts`);
    this.#done = this.#live(run);
    await this.#done;
  }

  async #live(run: Run): Promise<void> {
    const { plan, clock, random, implementation, clients } = this.#options;
    const view: ClockView = clients.source.newView(`${this.name} replicator`);
    const own = (this.#clock = new ProcessClock(clock, view));
    let hasEnded: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (hasEnded = resolve));
    run.controller.signal.addEventListener('abort', hasEnded);
    try {
      const replication = await implementation(clients.source.store, clients.target.store, {
        prefix: FROM,
        targetPrefix: TO,
        name: NAME,
        ...(plan.isMapped ? { mapKey } : {}),
        onConflict: plan.policy,
        acceptHistory: run.acceptsHistory,
        startTimeoutMs: START_TIMEOUT_MS,
        syncTimeoutMs: SYNC_TIMEOUT_MS,
        backoff: { initialMs: 50, maxMs: 800 },
        signal: run.controller.signal,
        clock: own,
        random: random.next,
        logger: this.#logger(run),
        onState: (state) => {
          this.#noteState(run, state);
          if (state.status === 'closed' || state.status === 'stopped') hasEnded();
        },
      });
      run.replication = replication;
      if (!run.isLeft) this.#options.trace?.(`${run.name} follows`);
      await ended;
      if (!run.isLeft) this.#end(run, run.failure);
    } catch (error) {
      if (!run.isLeft) this.#end(run, error);
    }
  }

  #noteState(run: Run, state: ReplicationState): void {
    this.#options.trace?.(`${run.name} is ${state.status}${'cause' in state ? `: ${state.cause.message}` : ''}`);
    // While it is interrupted, nobody is told whether it compares. It does so again only for another history.
    if (state.status === 'interrupted') run.isComparing ||= run.acceptsHistory;
    else if (state.status === 'starting' || state.status === 'copying') run.isComparing = true;
    else if (state.status === 'following') run.isComparing = false;
    else if (state.status === 'stopped') run.failure = state.error;
  }

  #end(run: Run, error: unknown): void {
    run.isLeft = true;
    run.failure = error;
    if (this.#run === run) this.#run = undefined;
    this.#options.trace?.(`${run.name} ended: ${String(error)}`);
    this.#options.onEnd(run, error);
  }

  #logger(run: Run): Logger {
    const { trace, onConflict } = this.#options;
    const say: Logger['info'] = (message) => trace?.(`${run.name}: ${message}`);
    return {
      debug: say,
      info: say,
      error: say,
      warn: (message, details) => {
        say(message);
        const key = details?.['key'];
        if (message.startsWith('replication conflict') && typeof key === 'string') onConflict(run, key);
      },
    };
  }

  /** It dies, with all that it knew and all that it had sent. */
  kill(): Promise<unknown> | undefined {
    const run = this.#run;
    if (run === undefined || run.isLeft) return undefined;
    run.isLeft = true;
    this.#run = undefined;
    this.#options.count('process killed');
    this.#options.trace?.(`${run.name} dies`);
    run.controller.abort(new Error('its process dies'));
    const died = Promise.all([...Object.values(this.clients).map((client) => client.die()), this.#done]);
    this.#goOn();
    this.#dying = died;
    return died;
  }

  /** Closes its replicator, if there is one. */
  async close(): Promise<void> {
    const run = this.#run;
    if (run === undefined || run.isLeft) return;
    run.isLeft = true;
    this.#run = undefined;
    if (run.replication === undefined) run.controller.abort(new Error('somebody closes it'));
    else await run.replication.close();
    await this.#done;
  }

  /** Stands still for a while. */
  stop(ms: number, how: Stop): void {
    const { clock, count } = this.#options;
    if (this.#stop !== undefined || this.#run === undefined) return;
    count(how === 'asleep' ? 'machine asleep' : 'process suspended');
    const stop = (this.#stop = this.#stops += 1);
    for (const client of Object.values(this.clients)) client.suspend();
    if (how === 'asleep') this.#clock?.fallAsleep();
    clock.set(
      'world',
      () => {
        if (this.#stop === stop) this.#goOn();
      },
      ms,
    );
  }

  get isStopped(): boolean {
    return this.#stop !== undefined;
  }

  /** Wakes it. */
  goOn(): void {
    this.#goOn();
  }

  #goOn(): void {
    if (this.#stop === undefined) return;
    this.#stop = undefined;
    this.#clock?.wake();
    for (const client of Object.values(this.clients)) client.resume();
  }
}
