import { eventually, type Random } from '@holdfast/testkit';
import type { Injection } from '../../fault.js';
import { BEACON } from '../../keys.js';
import type { Held } from '../../outside.js';
import { PREFIX, type World } from '../../world.js';
import { linger } from './linger.js';

/** Whether the store under test tries to reconnect while its servers are replaced, or only afterwards. */
export type Return = 'at-once' | 'later';

/** The replacement, for an {@link Injection}. */
export interface Replaced {
  /** The content before and after, each read while no writer ran. */
  readonly before: Held;
  readonly after: Held;
  readonly details: Readonly<Record<string, string | number>>;
  readonly heal: Injection['heal'];
}

/**
 * Lets the current history go on after it was copied, until the mirrors have an entry that the copy does not have: a beacon, which is never
 * written again with the same value, and never deleted. Two histories that each deleted only one key could look alike. No mirror can
 * distinguish those (docs/mirror.md#what-remains-undetectable), and they are not tested here.
 */
export async function goOn(world: World, random: Random): Promise<void> {
  const { revision: copied } = await held(world);
  await linger(random, 100, 500);
  const isPast = async () => {
    const lit = (await held(world)).entries.get(BEACON)?.modRevision ?? 0;
    return lit > copied && world.mirrors.every(({ mirror }) => mirror.revision >= lit);
  };
  await eventually(isPast, { timeoutMs: 30_000 });
}

/**
 * Replaces the history between two writes, informs the world, and lets the writers go on in the new one. The connections are cut just before
 * the servers die: no event may reach a mirror that the truth can't learn any more, such as a lease that ends at that moment.
 *
 * @param replace ends all servers at once, gives them another history, and resolves when they serve it
 * @throws Error if the store's revision did not go back, or nothing was lost: then the harness failed
 */
export async function replaceHistory(
  world: World,
  random: Random,
  comesBack: Return,
  replace: () => Promise<void>,
): Promise<Replaced> {
  if (comesBack === 'later') {
    await world.disconnect();
    await linger(random, 0, 300);
  }
  await world.writers.pause();
  await world.disconnect();
  await world.truth.catchUp();
  const before = await held(world);
  await Promise.all([replace(), comesBack === 'at-once' ? world.connect() : undefined]);
  const after = await held(world);
  const lost = [...before.entries].filter(([key, { value, modRevision }]) => {
    const now = after.entries.get(key);
    return now?.value !== value || now.modRevision !== modRevision;
  }).length;
  if (after.revision >= before.revision || lost === 0) {
    throw new Error(`the history was not replaced: ${before.revision} → ${after.revision}, ${lost} entries lost`);
  }
  await world.beginEpoch();
  world.writers.resume();
  if (comesBack === 'later') await linger(random, 0, 500);
  return {
    before,
    after,
    details: { comesBack, from: before.revision, to: after.revision, lost },
    heal: () => world.connect(),
  };
}

/** Writes outside of the mirrored prefix until the store is past `revision` and past all mirrors. Returns its revision then. */
export async function overtake(world: World, revision: number): Promise<number> {
  for (;;) {
    const puts = Array.from({ length: 16 }, (_, lane) =>
      eventually(() => world.direct.put(`/foreign/${lane}`, String(revision))),
    );
    const head = Math.max(...(await Promise.all(puts)).map((put) => put.revision));
    if (head > revision && world.mirrors.every(({ mirror }) => mirror.revision < head)) return head;
  }
}

export async function clusterId({ etcd }: World): Promise<string> {
  return (await (await etcd.leader()).status()).clusterId;
}

function held(world: World): Promise<Held> {
  return eventually(() => world.outside.held(PREFIX), { timeoutMs: 30_000 });
}
