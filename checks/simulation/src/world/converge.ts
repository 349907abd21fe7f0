import type { Convergence } from './outcome.js';
import type { Parts } from './parts.js';
import { PREFIX } from '../plans/plan.js';

/** The time within which everything must recover after the last fault, in milliseconds. */
const CONVERGENCE_MS = 20_000;
/** Faults within this time before the end count as those to recover from, in milliseconds. */
const RECENT_MS = 2_000;

/** Ends all faults. Then every mirror must show the store's state within a bounded time. */
export async function converge(parts: Parts): Promise<Convergence | undefined> {
  const { clock, leases, mirrors, writer, faults, violations } = parts;
  heal(parts);
  // Writes on their way arrive, and leases that would end later end now.
  await clock.advance(1_000);
  for (const lease of await leases.list()) await leases.revoke(lease);
  // Closed mirrors stay closed. Those that could not open may try again.
  for (const mirror of mirrors) mirror.open();
  await writer.write(parts.data, { kind: 'put', key: `${PREFIX}limits`, value: 'good' });
  const began = clock.now;
  const after = faults.recent(RECENT_MS);
  while (!mirrors.every((mirror) => mirror.hasConverged())) {
    if (clock.now - began > CONVERGENCE_MS) {
      tellWhoHasNot(parts);
      return undefined;
    }
    await clock.advance(50);
    for (const mirror of mirrors) mirror.open();
    if (!violations.areNone) return undefined;
  }
  const convergence = { ms: clock.now - began, after };
  // Debounced and slow consumers also get their time.
  await clock.advance(3_000);
  for (const mirror of mirrors) {
    mirror.checkFollowers();
    const synced = mirror.sync();
    await Promise.all([synced, clock.advance(3_000)]);
    if ((await synced) !== 'done') violations.add('sync', 'sync() failed although nothing was wrong');
  }
  return convergence;
}

function heal({ trace, clients, members, endpoints, mirrors, watches, processes }: Parts): void {
  trace?.('everything heals');
  for (const { link } of clients) link.apply('heal');
  members.catchUpAll();
  endpoints?.putBack();
  for (const watch of watches) watch.resume();
  for (const { disk } of mirrors) disk.turn('works');
  processes.startAll();
}

function tellWhoHasNot({ mirrors, truth, violations }: Parts): void {
  mirrors.forEach((each, index) => {
    if (each.hasConverged()) return;
    const mirror = each.opened?.mirror;
    violations.add(
      'convergence',
      `mirror ${index} is ${mirror?.state.status ?? 'not open'} and ${mirror?.state.connection ?? 'closed'} at ${mirror?.revision ?? 0} of ${truth.current.head}, ${CONVERGENCE_MS} ms after the last fault`,
    );
  });
}
