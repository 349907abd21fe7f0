import { Recorder } from '@holdfast/testkit';
import { Client } from '../links/client.js';
import { LateWrites } from '../links/late-writes.js';
import { Random } from '../plans/random.js';
import type { RunOptions } from '../run-options.js';
import { SimClock } from '../sim-clock.js';
import { Violations } from '../truth/violations.js';
import { Background } from '../world/background.js';
import { FaultCounts } from '../world/fault-counts.js';
import { wrongEnding } from './endings.js';
import { ForeignWriter } from './foreign-writer.js';
import { Host } from './host.js';
import { holdfast, type Implementation } from './implementation.js';
import { FROM, type ReplicationPlan, type Side } from './plan.js';
import type { Run } from './run.js';
import { Site } from './site.js';
import { SourceValues } from './source-values.js';
import { SourceWriter } from './source-writer.js';
import { noReplicationStats, type ReplicationStats } from './stats.js';
import { checkedSync } from './syncs.js';
import { TargetHistory } from './target-history.js';

export interface ReplicationRunOptions extends Pick<RunOptions, 'trace' | 'wrapStore'> {
  /** Default: Holdfast's. */
  readonly implementation?: Implementation | undefined;
}

/** By how many revisions a replicator may be late. */
const LATE_READS = 10;

/** Everything that a world of replicators consists of. Nothing of it runs yet. */
export class ReplicationParts {
  readonly plan: ReplicationPlan;
  readonly trace: ((line: string) => void) | undefined;
  readonly clock = new SimClock();
  readonly violations: Violations;
  readonly faults = new FaultCounts(() => this.clock.now);
  readonly stats: ReplicationStats = noReplicationStats();
  readonly background: Background;
  readonly source: Site;
  readonly target: Site;
  readonly values: SourceValues;
  readonly history: TargetHistory;
  readonly writer: SourceWriter;
  readonly foreign: ForeignWriter;
  readonly hosts: readonly Host[];
  readonly runs: Run[] = [];
  /** Whether all faults are over. */
  isHealed = false;

  constructor(plan: ReplicationPlan, options: ReplicationRunOptions) {
    const random = new Random(plan.seed);
    this.plan = plan;
    this.trace = options.trace === undefined ? undefined : this.#timed(options.trace);
    this.violations = new Violations(this.trace);
    this.background = new Background(this.violations.add);
    this.source = this.#newSite('source', random.fork());
    this.target = this.#newSite('target', random.fork());
    this.values = new SourceValues(this.source.truth);
    this.history = new TargetHistory({
      plan,
      truth: this.target.truth,
      values: this.values,
      stats: this.stats,
      violated: this.violations.add,
    });
    this.writer = new SourceWriter({ site: this.source, clock: this.clock, trace: this.trace });
    this.foreign = new ForeignWriter({
      site: this.target,
      history: this.history,
      count: this.faults.add,
      trace: this.trace,
    });
    this.hosts = Array.from({ length: plan.hosts }, (_, index) => this.#newHost(index, random.fork(), options));
  }

  site(side: Side): Site {
    return side === 'source' ? this.source : this.target;
  }

  host(index: number): Host {
    const host = this.hosts[index % this.hosts.length];
    if (host === undefined) throw new RangeError(`there is no process ${index}`);
    return host;
  }

  /** Whether the source can't be told from one that was wiped: it was compacted, and has had no key of before by now. */
  get looksWiped(): boolean {
    const { truth, server } = this.source;
    const { current } = truth;
    const last = this.history.record?.bookmark?.revision;
    if (last === undefined || !server.wasCompacted) return false;
    const revisions = Array.from({ length: LATE_READS }, (_, back) => current.head - back);
    return revisions.some((revision) =>
      [...current.keys].every(
        (key) => !key.startsWith(FROM) || (current.at(key, revision)?.createRevision ?? Infinity) > last,
      ),
    );
  }

  /** Whether the source has another history than the target, or has had one since the run began, or looks like that. */
  isOther({ histories }: Run): boolean {
    const { epochs, current } = this.source.truth;
    const { accepted } = this.history;
    return epochs.length > histories || (accepted !== undefined && accepted !== current.index) || this.looksWiped;
  }

  sync(host: Host): Promise<boolean> {
    return checkedSync(host, {
      plan: this.plan,
      source: this.source.truth,
      history: this.history,
      stats: this.stats,
      violated: this.violations.add,
    });
  }

  #newSite(side: Side, random: Random): Site {
    const { plan, clock, background, trace } = this;
    return new Site({
      side,
      backend: plan[side],
      clock,
      random: random.next,
      maxTxnOperations: side === 'target' ? plan.mostOperations : undefined,
      background,
      trace,
      count: this.faults.add,
      violated: this.violations.add,
      onCommit: (commit) => {
        if (side === 'target') this.history.note(commit);
        else {
          this.stats.written += 1;
          this.values.note(commit);
        }
      },
    });
  }

  #newHost(index: number, random: Random, { wrapStore, implementation = holdfast }: ReplicationRunOptions): Host {
    const name = `process ${index}`;
    const lateWrites = new LateWrites({
      data: this.target.data,
      clock: this.clock,
      link: () => clients.target.link,
      count: this.faults.add,
      history: () => this.target.truth.epochs.length,
      mayBeLate: () => true,
      onArrival: () => {
        const { latest: run } = host;
        return (result, isLate) => {
          const revision = writtenAt(result);
          if (run !== undefined && revision !== undefined) this.history.runWrote(run, revision, isLate);
        };
      },
    });
    const clients: Record<Side, Client> = {
      source: this.#newClient(name, this.source, this.source.data, random.fork(), { trace: this.trace }),
      target: this.#newClient(name, this.target, lateWrites.store, random.fork(), { wrapStore, trace: this.trace }),
    };
    const host: Host = new Host({
      name,
      plan: this.plan,
      clients,
      lateWrites,
      clock: this.clock,
      random: random.fork(),
      implementation,
      trace: this.trace,
      count: this.faults.add,
      violated: this.violations.add,
      newRun: (acceptsHistory) => this.#newRun(host, acceptsHistory),
      onConflict: (run, key) => {
        this.stats.conflicts += 1;
        this.history.told(key);
        this.history.judge();
        if (!this.history.held.isForeignTo(run, key))
          this.violations.add('alarm', `${run.name} tells of a conflict at ${key}, which nobody else has touched`);
      },
      onEnd: (run, error) => {
        this.#ended(run, error);
      },
    });
    return host;
  }

  #newClient(
    name: string,
    site: Site,
    data: Site['data'] | LateWrites['store'],
    random: Random,
    run: RunOptions,
  ): Client {
    const client = new Client({
      name: `${name} at the ${site.side}`,
      data,
      backend: site.backend,
      isScant: false,
      clock: this.clock,
      random,
      members: site.members,
      endpoints: undefined,
      recorder: new Recorder(),
      count: this.faults.add,
      deletedRange: () => undefined,
      term: () => site.truth.epochs.length,
      run,
    });
    site.clients.push(client);
    return client;
  }

  #newRun(host: Host, acceptsHistory: boolean): Run {
    const run: Run = {
      index: this.runs.length,
      name: `${host.name} #${this.runs.length}`,
      acceptsHistory,
      isTroubled: !this.isHealed,
      controller: new AbortController(),
      writer: undefined,
      from: this.target.truth.current.head,
      histories: this.source.truth.epochs.length,
      mayBeRefused: () => host.mayBeRefused,
      hasChanged: false,
      unrecorded: new Set(),
      isComparing: false,
      replication: undefined,
      failure: undefined,
      isLeft: false,
    };
    this.runs.push(run);
    this.stats.started += 1;
    return run;
  }

  #ended(run: Run, error: unknown): void {
    this.stats.ended += 1;
    this.history.judge();
    const wrong = wrongEnding(run, error, {
      plan: this.plan,
      history: this.history,
      isOther: (each) => this.isOther(each),
    });
    if (wrong !== undefined) this.violations.add('alarm', wrong);
  }

  #timed(trace: (line: string) => void): (line: string) => void {
    const { now: began } = this.clock;
    return (line) => {
      trace(`${String(this.clock.now - began).padStart(7)}  ${line}`);
    };
  }
}

/** The revision of a write that changed something. */
function writtenAt(result: unknown): number | undefined {
  const {
    revision,
    succeeded = true,
    deleted,
  } = result as { revision?: number; succeeded?: boolean; deleted?: number };
  return succeeded && deleted !== 0 ? revision : undefined;
}
