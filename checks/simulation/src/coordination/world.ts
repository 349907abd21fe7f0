import type { Violation } from '@holdfast/testkit';
import type { WorldOutcome } from '../campaign/worlds.js';
import { wasOvertaken } from '../truth/overtaken.js';
import { noRejectionUnhandled } from '../world/unhandled.js';
import { checkNothingLeft, converge } from './converge.js';
import { CoordinationParts, type CoordinationRunOptions } from './parts.js';
import type { CoordinationPlan } from './plan.js';
import type { CoordinationStats } from './stats.js';
import { takeStep } from './steps.js';

export type CoordinationOutcome = WorldOutcome<CoordinationStats>;

/** Runs a plan in a world of its own. The same plan gives the same outcome, always. */
export async function runCoordination(
  plan: CoordinationPlan,
  options: CoordinationRunOptions = {},
): Promise<CoordinationOutcome> {
  const parts = new CoordinationParts(plan, options);
  const { violations, faults, stats } = parts;
  await noRejectionUnhandled(violations, () => live(parts));
  const isSetAside = !violations.areNone && violations.all.every((violation) => mayBeOfThePast(parts, violation));
  return { violations: isSetAside ? [] : violations.all, isSetAside, stats, faults: faults.toRecord() };
}

/** What goes by revisions alone, without a session that could notice that its history is gone. */
const BY_REVISION: readonly string[] = ['observed', 'serializable', 'guarded', 'applied once'];

/**
 * Whether a violation may come of a store that went back under its old identity and overtook what clients knew: nobody can tell that. A session is fooled
 * only if it lives when that happens.
 */
function mayBeOfThePast({ truth, wasOvertakenUnnoticed }: CoordinationParts, { guarantee }: Violation): boolean {
  return BY_REVISION.includes(guarantee) ? wasOvertaken(truth.epochs) : wasOvertakenUnnoticed;
}

async function live(parts: CoordinationParts): Promise<void> {
  const { plan, clock, truth, queues, observers, holders, violations, stats } = parts;
  await truth.begin();
  queues.begin();
  const began = clock.now;
  for (const observer of observers) observer.start();
  clock.onFired = () => {
    for (const holder of holders) holder.look();
  };
  for (const step of plan.steps) {
    stats.steps += 1;
    await takeStep(parts, step);
    await clock.settle();
    if (!violations.areNone) break;
  }
  if (violations.areNone) await converge(parts);
  clock.onFired = () => undefined;
  await close(parts);
  stats.elapsedMs = clock.now - began;
  stats.timers = clock.fired;
}

/** Closes everything, and checks that this leaves nothing behind. */
async function close(parts: CoordinationParts): Promise<void> {
  const { trace, clock, processes, observers, background, violations, truth, data, stats } = parts;
  trace?.('everything closes');
  for (const process of processes) {
    process.end();
    process.goOn();
  }
  const closing = Promise.all([
    ...processes.map((process) => process.close()),
    ...observers.map((observer) => observer.close()),
  ]);
  await Promise.all([closing, clock.advance(10_000)]);
  if (violations.areNone) await checkNothingLeft(parts);
  await Promise.all([Promise.all(processes.map(({ store }) => store.close())), clock.advance(20)]);
  await clock.advance(2_000);
  await Promise.all([background.settled(), clock.advance(5_000)]);
  if (violations.areNone) for (const { client } of processes) client.checkResources(violations.add);
  await truth.end();
  if (violations.areNone && data.watcherCount > 0)
    violations.add('resources', `${data.watcherCount} watches are left in the store`);
  await data.close();
  stats.messages = processes.reduce((sum, { client }) => sum + client.link.messages, 0);
  stats.sessions = processes.reduce((sum, { opened }) => sum + opened, 0);
  stats.sessionsLost = processes.reduce((sum, { lost }) => sum + lost, 0);
  stats.observed = observers.reduce((sum, { told }) => sum + told, 0);
}
