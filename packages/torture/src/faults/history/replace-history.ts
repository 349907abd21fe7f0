import type { Revision } from '@holdfast/store';
import { eventually, type Random } from '@holdfast/testkit';
import type { Held } from '../../outside.js';
import { PREFIX, type World } from '../../world.js';
import { linger } from './linger.js';

/** In every mirror of the prefix, and of no writer: nobody else writes or deletes it. */
const OWN_KEY = `${PREFIX}history`;

/** What there was and what there is, each as read while nobody wrote. */
export interface Replaced {
  readonly before: Held;
  readonly after: Held;
  /** How many entries of before are not there any more, or not as they were. */
  readonly lost: number;
}

/**
 * Lets the present history go on for a while after it was copied, until the mirrors have something of it that the copy has not:
 * an entry of a value that no history has a second time. Two histories that both merely deleted a key each could look alike, which
 * is what no mirror can tell (docs/mirror.md) and not what is tested here.
 */
export async function goOn(world: World, random: Random): Promise<void> {
  await linger(random, 100, 500);
  const value = JSON.stringify(random.next());
  const { revision } = await eventually(() => world.direct.put(OWN_KEY, value));
  await eventually(() => world.mirrors.every(({ name, mirror }) => name === 'key' || mirror.revision >= revision));
}

/**
 * Replaces the history between two writes, tells the world of it, and lets the writers go on in the new one.
 *
 * @param replace gives the servers another history; the store is served again when it resolves
 * @throws Error where the store's revision did not go back, or nothing was lost: the harness did not do what it should
 */
export async function replaceHistory(world: World, replace: () => Promise<void>): Promise<Replaced> {
  await world.writers.pause();
  await world.truth.catchUp();
  const before = await held(world);
  await replace();
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
  return { before, after, lost };
}

/** Writes outside of what is mirrored until the store is past `revision`, and past all mirrors. */
export async function overtake(world: World, revision: number): Promise<Revision> {
  for (;;) {
    const puts = Array.from({ length: 16 }, (_, lane) =>
      eventually(() => world.direct.put(`/foreign/${lane}`, String(revision))),
    );
    const results = await Promise.all(puts);
    const head = results.reduce<Revision>(
      (most, result) => (result.revision > most ? result.revision : most),
      1 as Revision,
    );
    if (head > revision && world.mirrors.every(({ mirror }) => mirror.revision < head)) return head;
  }
}

function held(world: World): Promise<Held> {
  return eventually(() => world.outside.held(PREFIX));
}
