import { memoryStore, type MemoryStore } from '@holdfast/memory';
import type { Txn } from '@holdfast/store';
import { Recorder } from '@holdfast/testkit';
import { Leases } from '../cluster/leases.js';
import { Members } from '../cluster/members.js';
import { Client } from '../links/client.js';
import { LateWrites, type Writing } from '../links/late-writes.js';
import { Random } from '../plans/random.js';
import { SimClock } from '../sim-clock.js';
import { type Commit, Truth } from '../truth/truth.js';
import { Violations } from '../truth/violations.js';
import { Writer } from '../users/writer.js';
import { Background } from '../world/background.js';
import { FaultCounts } from '../world/fault-counts.js';
import { Server } from '../world/server.js';
import { holdfast, type Implementation } from './implementation.js';
import { Holder } from './holder.js';
import { ObserverHost } from './observer-host.js';
import { overtakes } from '../truth/overtaken.js';
import type { Acquire, CoordinationPlan } from './plan.js';
import { Process } from './process.js';
import { Queues } from './queues.js';
import type { RunOptions } from '../run-options.js';
import { noCoordinationStats, type CoordinationStats } from './stats.js';
import { Transfers } from './transfers.js';

export interface CoordinationRunOptions extends Pick<RunOptions, 'trace' | 'wrapStore'> {
  /** Default: Holdfast's. */
  readonly implementation?: Implementation | undefined;
}

/** A session and its keys come by such writes. */
function isLeased(writing: Writing, [request]: readonly unknown[]): boolean {
  if (writing !== 'txn') return false;
  return (request as Txn).then?.some((op) => op.type === 'put' && op.lease !== undefined) === true;
}

const REFUSING: readonly string[] = ['deny', 'lock-out', 'proxy-answers'];

/** Everything that a world of coordinators consists of. Nothing of it runs yet. */
export class CoordinationParts {
  readonly plan: CoordinationPlan;
  readonly trace: ((line: string) => void) | undefined;
  readonly clock = new SimClock();
  readonly violations: Violations;
  readonly faults = new FaultCounts(() => this.clock.now);
  readonly stats: CoordinationStats = noCoordinationStats();
  readonly background: Background;
  readonly members: Members;
  readonly data: MemoryStore;
  readonly leases: Leases;
  readonly truth: Truth;
  readonly queues: Queues;
  readonly writer: Writer;
  readonly server: Server;
  readonly processes: readonly Process[];
  readonly observers: readonly ObserverHost[];
  readonly transfers: Transfers;
  readonly holders: Holder[] = [];
  /** Whether the store has overtaken what a session of an earlier history knew, under its old identity, before it noticed. */
  wasOvertakenUnnoticed = false;
  /** The revision of the last snapshot. */
  snapshotAt: number | undefined;

  constructor(plan: CoordinationPlan, options: CoordinationRunOptions) {
    const { trace } = options;
    const random = new Random(plan.seed);
    this.plan = plan;
    this.trace = trace === undefined ? undefined : this.#timed(trace);
    this.violations = new Violations(this.trace);
    this.background = new Background(this.violations.add);
    this.members = new Members(plan.members);
    this.data = memoryStore({ clock: this.clock.view('server'), random: random.fork().next });
    this.leases = new Leases(this.data, this.faults.add);
    this.truth = new Truth(
      this.data,
      () => this.clock.now,
      (commit) => {
        this.#committed(commit);
      },
    );
    this.queues = new Queues(this.truth, () => this.clock.now);
    this.transfers = new Transfers({
      truth: this.truth,
      queues: this.queues,
      stats: this.stats,
      violated: this.violations.add,
    });
    this.writer = new Writer({
      data: this.data,
      backend: 'v3',
      trace: this.trace,
      violated: this.violations.add,
    });
    this.processes = plan.ttls.map((ttl, index) => this.#newProcess(index, ttl, random.fork(), options));
    this.server = new Server({
      data: this.data,
      clock: this.clock,
      truth: this.truth,
      members: this.members,
      endpoints: undefined,
      writer: this.writer,
      clients: this.processes.map(({ client }) => client),
      count: this.faults.add,
      // There are no mirrors, which alone could notice a server that goes back behind its connections.
      mirrorsArePast: () => false,
    });
    this.observers = plan.observers.map(
      ({ client, name }) =>
        new ObserverHost({
          name,
          process: this.process(client),
          queues: this.queues,
          trace: this.trace,
          violated: this.violations.add,
        }),
    );
  }

  process(index: number): Process {
    const process = this.processes[index % this.processes.length];
    if (process === undefined) throw new RangeError(`there is no process ${index}`);
    return process;
  }

  newHolder(step: Acquire): Holder {
    const process = this.process(step.client);
    const holder = new Holder({
      who: `${process.name} #${this.holders.length}`,
      step,
      process,
      queues: this.queues,
      truth: this.truth,
      now: () => this.clock.now,
      others: this.holders,
      trace: this.trace,
      stats: this.stats,
      violated: this.violations.add,
    });
    this.holders.push(holder);
    return holder;
  }

  #newProcess(
    index: number,
    ttl: number,
    random: Random,
    { wrapStore, implementation = holdfast }: CoordinationRunOptions,
  ): Process {
    const name = `process ${index}`;
    const lateWrites = new LateWrites({
      data: this.data,
      clock: this.clock,
      link: () => client.link,
      count: (fault) => {
        this.faults.add(fault);
        // It may come long after the step that delayed it, and the process's place in a queue comes with it.
        process.disturbances += 1;
      },
      history: () => this.truth.epochs.length,
      mayBeLate: isLeased,
    });
    const client: Client = new Client({
      name,
      data: lateWrites.store,
      backend: 'v3',
      isScant: false,
      clock: this.clock,
      random,
      members: this.members,
      endpoints: undefined,
      recorder: new Recorder(),
      count: this.faults.add,
      deletedRange: () => undefined,
      term: () => this.truth.epochs.length,
      run: { wrapStore, trace: this.trace },
    });
    const process: Process = new Process({
      name,
      client,
      clock: this.clock,
      random: random.fork(),
      ttl,
      lateWrites,
      implementation,
      mayBeRefused: this.plan.steps.some((step) => step.do === 'net' && REFUSING.includes(step.fault)),
      history: () => this.truth.epochs.length,
      tokensExpire: this.plan.steps.some((step) => step.do === 'net' && step.fault === 'expire'),
      count: this.faults.add,
      violated: this.violations.add,
    });
    return process;
  }

  /** Whether the store came near what it was in an earlier history of the same identity. */
  get isOvertaken(): boolean {
    const { epochs, current } = this.truth;
    return epochs.some((epoch) => epoch !== current && overtakes(current, epoch));
  }

  /** To be called whenever the head may be another one. */
  noteOvertaking(): void {
    if (this.wasOvertakenUnnoticed || !this.isOvertaken) return;
    this.wasOvertakenUnnoticed = this.processes.some(({ livesInThePast }) => livesInThePast);
  }

  #committed(commit: Commit): void {
    this.stats.commits += 1;
    this.noteOvertaking();
    this.queues.noteCommit(commit);
    this.transfers.checkSum(commit.revision);
    for (const lease of commit.leases) this.background.start(this.leases.noteEnd(lease));
  }

  #timed(trace: (line: string) => void): (line: string) => void {
    const { now: began } = this.clock;
    return (line) => {
      trace(`${String(this.clock.now - began).padStart(7)}  ${line}`);
    };
  }
}
