import { setTimeout as delay } from 'node:timers/promises';
import type { Etcd } from '@holdfast/testkit';
import { canRun } from '../peers/go-program.js';
import type { Served } from '../peers/lock-peers.js';
import type { Bench } from './bench.js';
import type { LockOrder, Paired } from './lock-side.js';
import type { Figures, Metric, Sample } from './row.js';
import { ServerMeter, type ServerCounts } from './server-meter.js';
import type { SideProcess } from './side-process.js';

export const LOCK_METRICS: Readonly<Record<string, Metric>> = {
  pairUs: { label: 'lock and unlock', unit: 'µs' },
  perSecond: { label: 'pairs a second', unit: 'count' },
  cpuUs: { label: "the client's CPU", unit: 'µs' },
  requests: { label: 'requests a pair', unit: 'count' },
  servedMs: { label: 'until all who waited were served', unit: 'ms' },
  outOfOrder: { label: 'of those, out of order', unit: 'count' },
  watchesEach: { label: 'watches each', unit: 'count' },
  requestsEach: { label: 'requests each, and messages of watches', unit: 'count' },
};

/** The sides take turns, so that a disturbance of the machine affects all of them. */
const TURNS = 10;

/** The sides whose waiters stand in a queue. */
const QUEUES = ['holdfast', 'holdfast@other', 'go'];

/** All sides at one server, each with a lock of its own: first the pairs, turn by turn; then the waiters of each side. */
export async function lockRound(
  bench: Bench,
  etcd: Etcd & { readonly endpoint: string },
): Promise<Readonly<Record<string, Sample>>> {
  const { locks, waiters } = bench.scale;
  const names = bench.order().filter(canRun);
  const sides = new Map<string, SideProcess>();
  for (const name of names) {
    const params = { endpoint: etcd.endpoint, name: `/bench/locks/${name}`, warmUp: locks };
    const side = bench.start(name, params);
    await side.hear('ready');
    sides.set(name, side);
  }
  const figures = new Map<string, Figures>();
  for (const [name, all] of await pairsInTurn(etcd, sides, Math.ceil(locks / TURNS))) {
    figures.set(name, pairFigures(all));
  }
  for (const [name, side] of sides) {
    if (QUEUES.includes(name))
      figures.set(name, { ...figures.get(name), ...(await queueFigures(etcd, side, waiters)) });
    side.tell('order', 'stop');
    await side.result;
  }
  return Object.fromEntries([...figures].map(([name, all]) => [name, { figures: all }]));
}

interface Turns {
  readonly pairs: number;
  readonly turns: readonly Paired[];
  /** Of all turns. */
  readonly requests: number;
}

async function pairsInTurn(
  etcd: Etcd,
  sides: ReadonlyMap<string, SideProcess>,
  pairs: number,
): Promise<ReadonlyMap<string, Turns>> {
  const all = new Map<string, Turns>();
  for (let turn = 0; turn < TURNS; turn += 1) {
    for (const [name, side] of sides) {
      const meter = await ServerMeter.begin(etcd);
      const paired = await ordered<Paired>(side, { pairs });
      const requests = callsIn(await meter.read());
      const before = all.get(name);
      all.set(name, {
        pairs: pairs + (before?.pairs ?? 0),
        turns: [...(before?.turns ?? []), paired],
        requests: requests + (before?.requests ?? 0),
      });
    }
  }
  return all;
}

function pairFigures({ pairs, turns, requests }: Turns): Figures {
  const sum = (of: (paired: Paired) => number) => turns.reduce((total, paired) => total + of(paired), 0);
  const ms = sum((paired) => paired.ms);
  return {
    pairUs: (1_000 * ms) / pairs,
    perSecond: (1_000 * pairs) / ms,
    cpuUs: (1_000 * sum((paired) => paired.cpuMs)) / pairs,
    // A store that renews a session, or looks at its servers, adds one now and then.
    requests: Math.round((100 * requests) / pairs) / 100,
  };
}

async function queueFigures(etcd: Etcd, side: SideProcess, waiters: number): Promise<Figures> {
  const meter = await ServerMeter.begin(etcd);
  await ordered(side, { waiters });
  // Each waiter watches one key before it. Who watches more would show more watches.
  let watches = 0;
  while (watches < waiters) {
    await delay(20);
    watches = (await meter.read()).get('messages Watch') ?? 0;
  }
  const serving = await ServerMeter.begin(etcd);
  const { ms, outOfOrder } = await ordered<Served>(side, 'serve');
  const counts = await serving.read();
  return {
    servedMs: ms,
    outOfOrder,
    watchesEach: watches / waiters,
    requestsEach: (callsIn(counts) + (counts.get('messages Watch') ?? 0)) / waiters,
  };
}

async function ordered<T>(side: SideProcess, order: LockOrder): Promise<T> {
  side.tell('order', order);
  return side.hear<T>('done');
}

/** The calls that are no streams. */
function callsIn(counts: ServerCounts): number {
  return [...counts].reduce((total, [name, count]) => {
    const isCall = name.startsWith('started ') && !['started Watch', 'started LeaseKeepAlive'].includes(name);
    return isCall ? total + count : total;
  }, 0);
}
