import { inOrder, fenced, nothingLeft } from '@holdfast/locks/judging';
import type { CoordinationParts } from './parts.js';
import { NAMES, QUEUES } from './plan.js';

/** How long a loss may take to be told when all is well again, in milliseconds. */
const TOLD_MS = 10_000;
/** The time within which everybody must have been served, in milliseconds. */
const SERVED_MS = 120_000;
/** What goes on in the background ends in this time: a call that nobody answered, and its repetition. */
const TIDY_MS = 15_000;
/** The longest lease of a session that its process could not revoke. */
const LEASES_MS = 12_000;

/** Ends all faults. Then everybody is told what it lost, is served in turn, and leaves nothing behind. */
export async function converge(parts: CoordinationParts): Promise<void> {
  const { clock, holders, violations, queues } = parts;
  heal(parts);
  await clock.advance(TOLD_MS);
  for (const holder of holders) holder.checkTold();
  const began = clock.now;
  while (holders.some(({ isDone }) => !isDone) && violations.areNone && clock.now - began < SERVED_MS) {
    await clock.advance(500);
  }
  for (const { isDone, who } of holders) {
    if (!isDone) violations.add('served', `${who} was not served within ${SERVED_MS} ms after the last fault`);
  }
  if (!violations.areNone) return;
  await clock.advance(TIDY_MS);
  // Those of sessions that were lost may be there still, until their lease is over.
  for (const name of NAMES) {
    for (const { key } of queues.candidates(name))
      violations.add('left', `${key} is left in its queue, and nobody waits for it`);
  }
  await clock.advance(1_000);
  for (const observer of parts.observers) for (const what of observer.judge()) violations.add('observed', what);
  judgeHolders(parts);
}

/** When all sessions are closed, no key is left: no candidate, and no mark of an attempt that was given up. */
export async function checkNothingLeft({ clock, data, violations }: CoordinationParts): Promise<void> {
  await clock.advance(LEASES_MS);
  const { items } = await data.list({ prefix: QUEUES });
  const left = items.map(({ key }) => key);
  for (const what of nothingLeft({ happenings: [], left })) violations.add('left', what);
}

function judgeHolders({ queues, violations }: CoordinationParts): void {
  for (const what of queues.phantoms()) violations.add('phantom', what);
  for (const { happenings } of queues.resources) {
    for (const what of inOrder({ happenings, left: [] })) violations.add('order', what);
    for (const what of fenced({ happenings, left: [] })) violations.add('fenced', what);
  }
}

function heal({ trace, processes, members }: CoordinationParts): void {
  trace?.('everything heals');
  for (const process of processes) {
    process.goOn();
    process.lateWrites.forget();
    process.heal();
  }
  members.catchUpAll();
}
