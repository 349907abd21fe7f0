import type { SimClock } from '../sim-clock.js';
import type { Parts } from './parts.js';

/** How long everything may take to close, in milliseconds of the world, and in turns of the event loop after that. */
const CLOSE_MS = 20;
const CLOSE_TURNS = 1_000;

/** Closes everything, and checks that this takes bounded time and leaves nothing behind. */
export async function closeAll({
  trace,
  clock,
  mirrors,
  watches,
  clients,
  background,
  processes,
  violations,
}: Parts): Promise<void> {
  trace?.('everything closes');
  processes.stop();
  for (const { disk } of mirrors) disk.turn('works');
  const closing = Promise.all([...mirrors.map((mirror) => mirror.close()), ...watches.map((watch) => watch.close())]);
  if (!(await ends(closing, clock))) {
    violations.add('resources', `mirrors and watches are not closed after ${CLOSE_MS} ms`);
    return;
  }
  if (!(await ends(Promise.all(clients.map(({ store }) => store.close())), clock))) {
    violations.add('resources', `stores are not closed after ${CLOSE_MS} ms`);
    return;
  }
  // Messages that are still on their way arrive, and find no receiver.
  await clock.advance(2_000);
  await Promise.all([background.settled(), clock.advance(5_000)]);
  if (!violations.areNone) return;
  for (const client of clients) client.checkResources(violations.add);
  for (const watch of watches) {
    if (watch.listeners > 0) violations.add('resources', `a watch listens to its signal after close()`);
  }
}

async function ends(work: Promise<unknown>, clock: SimClock): Promise<boolean> {
  let isOver = false;
  const over = () => (isOver = true);
  work.then(over, over);
  await clock.advance(CLOSE_MS);
  for (let turn = 0; !isOver && turn < CLOSE_TURNS; turn += 1) await clock.settle();
  if (isOver) await work;
  return isOver;
}
