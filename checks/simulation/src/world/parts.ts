import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { Recorder } from '@holdfast/testkit';
import { Background } from './background.js';
import { Client } from '../links/client.js';
import { Disk } from '../disks/disk.js';
import { Endpoints } from '../cluster/endpoints.js';
import { FaultCounts } from './fault-counts.js';
import { ForeignCluster } from '../cluster/foreign-cluster.js';
import { Leases } from '../cluster/leases.js';
import { Members } from '../cluster/members.js';
import { MirrorHost } from '../users/mirror-host.js';
import type { MirrorPlan, Plan, WatchPlan } from '../plans/plan.js';
import { Processes } from './processes.js';
import { Random } from '../plans/random.js';
import type { RunOptions } from '../run-options.js';
import { Server } from './server.js';
import { SimClock } from '../sim-clock.js';
import { noStats } from './stats.js';
import { type Commit, Truth } from '../truth/truth.js';
import { Violations } from '../truth/violations.js';
import { WatchHost } from '../users/watch-host.js';
import { Writer } from '../users/writer.js';

/** Everything that a world consists of, put together as its plan says. Nothing of it runs yet. */
export class Parts {
  readonly plan: Plan;
  readonly trace: ((line: string) => void) | undefined;
  readonly clock = new SimClock();
  readonly violations: Violations;
  readonly faults = new FaultCounts(() => this.clock.now);
  readonly stats = noStats();
  readonly background: Background;
  /** What applications saw. */
  readonly recorder = new Recorder();
  readonly members: Members;
  readonly data: MemoryStore;
  /** In a world that has endpoints. */
  readonly endpoints: Endpoints | undefined;
  readonly foreign: ForeignCluster | undefined;
  readonly leases: Leases;
  readonly writer: Writer;
  readonly truth: Truth;
  readonly server: Server;
  readonly clients: readonly Client[];
  readonly mirrors: readonly MirrorHost[];
  readonly watches: readonly WatchHost[];
  readonly processes: Processes;

  constructor(plan: Plan, options: RunOptions) {
    const { trace } = options;
    const random = new Random(plan.seed);
    this.plan = plan;
    this.trace = trace === undefined ? undefined : this.#timed(trace);
    this.violations = new Violations(this.trace);
    this.background = new Background(this.violations.add);
    this.members = new Members(plan.members ?? 1);
    // Each takes its random numbers from the same sequence, so the order here is part of what a seed stands for.
    this.data = memoryStore({ clock: this.clock.view('server'), random: random.fork().next });
    this.leases = new Leases(this.data, this.faults.add);
    this.writer = new Writer({
      data: this.data,
      backend: plan.backend,
      trace: this.trace,
      violated: this.violations.add,
    });
    this.truth = new Truth(
      this.data,
      () => this.clock.now,
      (commit) => {
        this.#committed(commit);
      },
    );
    [this.foreign, this.endpoints] = this.#newEndpoints();
    this.clients = Array.from({ length: plan.clients }, (_, index) =>
      this.#newClient(`client ${index}`, random.fork(), options),
    );
    this.server = new Server({
      data: this.data,
      clock: this.clock,
      truth: this.truth,
      members: this.members,
      endpoints: this.endpoints,
      writer: this.writer,
      clients: this.clients,
      count: this.faults.add,
      mirrorsArePast: (revision) => this.mirrors.every((mirror) => mirror.isPast(revision)),
    });
    this.mirrors = plan.mirrors.map((mirror, index) => this.#newMirror(`mirror ${index}`, mirror, random.fork()));
    this.watches = plan.watches.map((watch, index) => this.#newWatch(`watcher ${index}`, watch));
    this.processes = new Processes(this);
  }

  client(index: number): Client {
    const client = this.clients[index % this.clients.length];
    if (client === undefined) throw new RangeError(`there is no client ${index}`);
    return client;
  }

  #newClient(name: string, random: Random, run: RunOptions): Client {
    return new Client({
      name,
      data: this.data,
      backend: this.plan.backend,
      isScant: this.plan.compactEveryMs !== undefined,
      clock: this.clock,
      random,
      members: this.members,
      endpoints: this.endpoints,
      recorder: this.recorder,
      count: this.faults.add,
      deletedRange: (revision) => this.writer.deletedRange(revision),
      term: () => this.truth.epochs.length,
      run: { ...run, trace: this.trace },
    });
  }

  #newEndpoints(): [ForeignCluster, Endpoints] | [undefined, undefined] {
    const { access, seed } = this.plan;
    if (access === undefined) return [undefined, undefined];
    const foreign = new ForeignCluster({
      clock: this.clock.view('foreign'),
      // Apart from the world's sequence: worlds without endpoints have none of this.
      random: new Random(seed).fork().next,
      violated: this.violations.add,
    });
    const endpoints = new Endpoints({
      access,
      members: this.members.count,
      data: this.data,
      identity: () => this.truth.current.identity,
      foreign,
    });
    return [foreign, endpoints];
  }

  #newMirror(name: string, plan: MirrorPlan, random: Random): MirrorHost {
    const client = this.client(plan.client);
    // Of a sequence of its own: older worlds have no disks.
    const disk = new Disk({ clock: this.clock, random: new Random(this.plan.seed).fork(), count: this.faults.add });
    let process = { store: client.store, view: client.newView(name) };
    const present = () => {
      if (process.store !== client.store) process = { store: client.store, view: client.newView(name) };
      return process;
    };
    return new MirrorHost({
      name: `${name} (${plan.kind}, ${plan.decode})`,
      plan,
      get store() {
        return present().store;
      },
      clock: this.clock,
      get view() {
        return present().view;
      },
      disk,
      isDown: () => client.isDown,
      compactedAt: () => this.server.compactedAt,
      backend: this.plan.backend,
      background: (work) => {
        this.background.start(work);
      },
      random,
      truth: this.truth,
      trace: this.trace,
      violated: this.violations.add,
      count: this.faults.add,
      downSince: () => client.link.downSince,
      wasCompacted: () => this.server.wasCompacted,
      clocksJump: this.plan.steps.some((step) => step.do === 'jump'),
    });
  }

  #newWatch(name: string, plan: WatchPlan): WatchHost {
    const client = this.client(plan.client);
    return new WatchHost(name, plan, {
      get store() {
        return client.store;
      },
      isDown: () => client.isDown,
      recorder: this.recorder,
      now: () => this.clock.now,
      violated: this.violations.add,
    });
  }

  #committed(commit: Commit): void {
    this.stats.commits += 1;
    for (const lease of commit.leases) this.background.start(this.leases.noteEnd(lease));
    for (const mirror of this.mirrors) mirror.noteCommit(commit, this.truth.current);
  }

  #timed(trace: (line: string) => void): (line: string) => void {
    const { now: began } = this.clock;
    return (line) => {
      trace(`${String(this.clock.now - began).padStart(7)}  ${line}`);
    };
  }
}
