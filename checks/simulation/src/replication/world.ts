import type { WorldOutcome } from '../campaign/worlds.js';
import { converge } from './converge.js';
import { ReplicationParts, type ReplicationRunOptions } from './parts.js';
import type { ReplicationPlan } from './plan.js';
import type { ReplicationStats } from './stats.js';
import { wasOvertaken } from '../truth/overtaken.js';
import { noRejectionUnhandled } from '../world/unhandled.js';
import { takeStep } from './steps.js';

export type ReplicationOutcome = WorldOutcome<ReplicationStats>;

/** Runs a plan in a world of its own. The same plan gives the same outcome, always. */
export async function runReplication(
  plan: ReplicationPlan,
  options: ReplicationRunOptions = {},
): Promise<ReplicationOutcome> {
  const parts = new ReplicationParts(plan, options);
  const { violations, faults, stats } = parts;
  await noRejectionUnhandled(violations, () => live(parts));
  const isSetAside = !violations.areNone && wasOvertaken(parts.source.truth.epochs);
  return { violations: isSetAside ? [] : violations.all, isSetAside, stats, faults: faults.toRecord() };
}

async function live(parts: ReplicationParts): Promise<void> {
  const { plan, clock, source, target, history, writer, violations, stats } = parts;
  await source.truth.begin();
  await target.truth.begin();
  const began = clock.now;
  writer.begin();
  clock.onFired = () => {
    history.judge();
  };
  for (const step of plan.steps) {
    stats.steps += 1;
    await takeStep(parts, step);
    await clock.settle();
    history.judge();
    if (!violations.areNone) break;
  }
  if (violations.areNone) await converge(parts);
  await close(parts);
  stats.elapsedMs = clock.now - began;
  stats.timers = clock.fired;
}

/** Closes everything, and checks that this leaves nothing behind. */
async function close(parts: ReplicationParts): Promise<void> {
  const { trace, clock, hosts, writer, background, violations, source, target, history, stats } = parts;
  trace?.('everything closes');
  writer.end();
  for (const host of hosts) host.goOn();
  await Promise.all([Promise.all(hosts.map((host) => host.close())), clock.advance(10_000)]);
  history.judge();
  clock.onFired = () => undefined;
  const clients = [...source.clients, ...target.clients];
  await Promise.all([Promise.all(clients.map(({ store }) => store.close())), clock.advance(20)]);
  await clock.advance(2_000);
  await Promise.all([background.settled(), clock.advance(10_000)]);
  if (violations.areNone) for (const client of clients) client.checkResources(violations.add);
  for (const { truth, data, side } of [source, target]) {
    await truth.end();
    if (violations.areNone && data.watcherCount > 0)
      violations.add('resources', `${data.watcherCount} watches are left at the ${side}`);
    await data.close();
  }
  stats.messages = clients.reduce((sum, { link }) => sum + link.messages, 0);
}
