import type { Parts } from './parts.js';

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
  await Promise.all([closing, clock.advance(20)]);
  await Promise.all([Promise.all(clients.map(({ store }) => store.close())), clock.advance(20)]);
  // Messages that are still on their way arrive, and find no receiver.
  await clock.advance(2_000);
  await Promise.all([background.settled(), clock.advance(5_000)]);
  if (!violations.areNone) return;
  for (const client of clients) client.checkResources(violations.add);
  for (const watch of watches) {
    if (watch.listeners > 0) violations.add('resources', `a watch listens to its signal after close()`);
  }
}
