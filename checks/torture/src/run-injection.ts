import type { StoreErrorCode } from '@holdfast/store';
import { eventually, Random, type Violation } from '@holdfast/testkit';
import { OUTAGE } from './call-failures.js';
import { contentDifferences } from './checks/content.js';
import { checkCounter } from './checks/counter.js';
import { RawWatch } from './checks/raw-watch.js';
import { checkSteps } from './checks/steps.js';
import { Coordination } from './coordination/coordination.js';
import { firstRead, untilConverged, untilFollowing } from './converge.js';
import type { Epoch } from './epoch.js';
import type { Injection } from './fault.js';
import { LEASED } from './keys.js';
import type { ConvergenceClass, InjectionReport } from './report.js';
import type { FaultOf, TestedWorld } from './tested-world.js';
import { PREFIX } from './world.js';

/** Far above what anything here takes: only what never comes about waits for so long. */
const GIVE_UP_MS = 120_000;
/** So that coordinators change nothing in what a seed means without them. */
const COORDINATORS = 0xc0_0d;
const BACKLOG_REVISIONS = 1_000;
const NEW_HISTORY: readonly StoreErrorCode[] = ['compacted', 'history-changed'];
const NO_ACCESS: readonly StoreErrorCode[] = ['permission-denied', 'unauthenticated'];

export interface InjectionResult {
  readonly report: InjectionReport;
  /** The world can go on to the next injection. */
  readonly isReusable: boolean;
}

/**
 * One injection in a settled world whose writers are paused, and all checks; leaves it like that. See {@link Fault}.
 *
 * @throws NotInjected, and whatever the harness fails with
 */
export async function runInjection<W extends TestedWorld>(
  world: W,
  fault: FaultOf<W>,
  seed: number,
): Promise<InjectionResult> {
  const { ground, writers } = world;
  if (ground === undefined) return inject(world, fault, seed, undefined);
  const coordination = await Coordination.start(ground, new Random(seed ^ COORDINATORS));
  writers.beside = coordination;
  try {
    return await inject(world, fault, seed, coordination);
  } finally {
    writers.beside = undefined;
    await coordination.stop();
  }
}

async function inject<W extends TestedWorld>(
  world: W,
  fault: FaultOf<W>,
  seed: number,
  coordination: Coordination | undefined,
): Promise<InjectionResult> {
  const began = performance.now();
  const random = new Random(seed);
  const violations: Violation[] = [];
  const violated = (guarantee: string, message: string) => violations.push({ guarantee, message });
  const { writers, truth, mirrors, store, outside } = world;
  const firstEpoch = truth.epoch;
  const fromRevision = firstEpoch.to;
  const resyncs = mirrors.map((probe) => probe.resyncs.length);
  const looks = mirrors.reduce((sum, probe) => sum + probe.looks, 0);

  writers.useRandom(random.fork());
  const fresh = new RawWatch(store, 'a raw watch');
  await fresh.ready();
  writers.resume();
  const { bookmark } = fresh;
  await pause(random.between(150, 400));
  const resumed = bookmark === undefined ? undefined : new RawWatch(store, 'a resumed raw watch', bookmark);
  const watches = resumed === undefined ? [fresh] : [fresh, resumed];
  await pause(random.between(50, 200));

  const injection = await fault.inject(world, random);
  const missedFrom = Math.min(...mirrors.flatMap(({ name, mirror }) => (name === 'key' ? [] : [mirror.revision])));
  const strangers: readonly unknown[] = injection.strangers ?? [];
  const cluster = { outside, proxies: world.proxies.filter((proxy) => !strangers.includes(proxy)) };
  const [first] = await Promise.all([firstRead(cluster, GIVE_UP_MS), injection.heal()]);
  if (first === undefined) throw new Error('no endpoint has answered after healing');
  const newEpoch = injection.replacesHistory === true ? truth.epoch.index : undefined;
  const bound = boundOf(injection, world);
  const { ms: convergenceMs, read, relapses } = await untilConverged(cluster, mirrors, first, newEpoch, GIVE_UP_MS);
  const states = mirrors.map(({ name, mirror }) => `${name} ${JSON.stringify(mirror.state)} at ${mirror.revision}`);
  if (convergenceMs === undefined) violated('convergence', `not within ${GIVE_UP_MS} ms: ${states.join('; ')}`);
  const followsMs = await untilFollowing(mirrors, read, writers.beacon, GIVE_UP_MS);
  if (followsMs === undefined) violated('convergence', `nothing written after healing is shown: ${states.join('; ')}`);
  // Behind a member without a leader, mirrors may be what the cluster was when it was read, and stay so.
  const longest = Math.max(convergenceMs ?? 0, injection.bound === 'leaderless' ? (followsMs ?? 0) : 0);
  if (longest > bound) violated('bound', `convergence took ${Math.round(longest)} ms; the bound is ${bound} ms`);
  violations.push(...((await injection.verify?.()) ?? []));
  await injection.cleanUp?.();
  await world.serves();

  const allowedEnds = [...endsOf(injection, world), ...(fault.world === 'secured' ? NO_ACCESS : [])];
  const allowedFailures = [...OUTAGE, ...allowedEnds];
  const coordinated = await coordination?.finish(allowedFailures);
  violations.push(...(coordinated?.violations ?? []));

  await pause(random.between(100, 300));
  await writers.pause();
  violations.push(...(await checkQuiet(world)));
  // What the truth is to be held against: keys expire while nobody writes, and mirrors may be told of it first.
  const taken = mirrors.map((probe) => probe.takeSteps());
  await truth.catchUp();
  const epochs = truth.epochs.slice(firstEpoch.index) as [Epoch, ...Epoch[]];
  violations.push(...world.reads.takeViolations(allowedFailures));
  violations.push(...writers.failures.take('writes', 'write', allowedFailures));
  const catchUp = (): Promise<void> => truth.catchUp();
  for (const watch of watches) violations.push(...(await watch.judge({ epochs, allowedEnds, catchUp })));
  let eventsChecked = watches.reduce((sum, { events }) => sum + events, 0);
  for (const [index, probe] of mirrors.entries()) {
    violations.push(...probe.takeViolations());
    const steps = taken[index] ?? [];
    eventsChecked += steps.reduce((sum, { changes }) => sum + changes.length, 0);
    const { name } = probe.view;
    const claims = (key: string): boolean => probe.view.claims(key);
    violations.push(
      ...checkSteps({ name, claims, steps, shown: probe.checked, epochs: truth.epochs, possible: epochs }),
    );
  }
  violations.push(...checkCounter(truth.epoch, epochs.length === 1 ? fromRevision : 0, writers.counted));
  const watchers = await world.watchersProblem(GIVE_UP_MS / 2);
  if (watchers !== undefined) violated('watchers', watchers);

  const hasRelisted = mirrors.some((probe, index) =>
    probe.resyncs.slice(resyncs[index]).some((reason) => reason === 'compacted' || reason === 'history-changed'),
  );
  const missed = Math.max(0, first.held.revision - missedFrom);
  const report: InjectionReport = {
    cell: world.name,
    kind: fault.kind,
    seed,
    details: { ...injection.details, missed, ...(relapses === 0 ? {} : { relapses }) },
    ...(convergenceMs === undefined ? {} : { convergenceMs: Math.round(convergenceMs) }),
    ...(followsMs === undefined ? {} : { followsMs }),
    class: classOf(injection, missed, hasRelisted),
    eventsChecked,
    looks: mirrors.reduce((sum, probe) => sum + probe.looks, 0) - looks,
    ...(coordinated && { coordination: coordinated.counts }),
    tookMs: Math.round(performance.now() - began),
    violations,
  };
  // After a violation nobody knows what the next one would come from.
  return { report, isReusable: injection.endsWorld !== true && violations.length === 0 };

  /** Nobody writes: the mirrors must become what the servers say that there is, and not say live before that. */
  async function checkQuiet({ mirrors: probes }: TestedWorld): Promise<Violation[]> {
    const found: Violation[] = [];
    const quietSince = Date.now();
    for (const { view, mirror } of probes) {
      let differences: readonly string[] = [];
      await eventually(
        async () => {
          const held = await eventually(() => outside.held(PREFIX), { timeoutMs: GIVE_UP_MS });
          differences = contentDifferences(view, held);
          if (differences.length === 0) return mirror.state.status === 'live';
          const [lie] = contentDifferences(view, held, (key) => key.startsWith(LEASED));
          if (lie !== undefined && mirror.state.status === 'live' && mirror.asOf > quietSince && found.length === 0)
            found.push({
              guarantee: 'truthful',
              message: `${view.name}: is live as of ${mirror.asOf - quietSince} ms after the last write, and ${lie}`,
            });
          return false;
        },
        { timeoutMs: GIVE_UP_MS, intervalMs: 50 },
      ).catch(() => {
        const what =
          differences.length === 0 ? `equal, but ${JSON.stringify(mirror.state)}` : differences.slice(0, 3).join('; ');
        found.push({ guarantee: 'equal', message: `${view.name} after the last write: ${what}` });
      });
    }
    return found;
  }
}

function endsOf({ bound, replacesHistory }: Injection, { forgets }: TestedWorld): readonly StoreErrorCode[] {
  return bound === 'relist' || replacesHistory === true || forgets ? NEW_HISTORY : [];
}

function boundOf({ bound }: Injection, { settings }: TestedWorld): number {
  if (bound === 'keepalive') return settings.keepaliveBoundMs;
  return bound === 'leaderless' ? settings.leaderlessBoundMs : Infinity;
}

function classOf(injection: Injection, missed: number, hasRelisted: boolean): ConvergenceClass {
  if (injection.bound === 'keepalive' || injection.bound === 'leaderless') return injection.bound;
  if (hasRelisted) return 'relist';
  return missed > BACKLOG_REVISIONS ? 'backlog' : 'plain';
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
