import { eventually, type Etcd, type EtcdMember } from '@holdfast/testkit';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from '../harness/bench.js';
import { against, COMMON_GOALS, FLEET, FLEET_METRICS } from '../harness/fleet-row.js';
import { fleetRound, measureFleet, onStage, PREFIX, type FleetSize, type Stage } from '../harness/fleet-round.js';
import type { Figures, Goal, Metric, Row } from '../harness/row.js';
import { ServerMeter } from '../harness/server-meter.js';
import { rewriteInBatches } from '../peers/seed.js';

interface Comeback {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  readonly lost: 'server' | 'leader';
  /** What is written right after: many transactions, or one key, which shows when each client follows again. */
  readonly writes: 'transactions' | 'one key';
  readonly compacted?: true;
}

const EVERY =
  "The server's CPU is that of its processes. At rest: half a minute later. Meanwhile another client writes to other keys.";
const RESTARTED =
  'The server is killed while all follow, and started again three seconds later, on the same data. Time counts from the moment when it serves again.';
const WRITTEN = 'Thirty transactions of 100 keys follow at once.';

const AFTER_RESTART: Comeback = {
  name: 'fleet-comeback',
  title: 'A fleet comes back after a restart of the server',
  about: `${RESTARTED} ${WRITTEN} ${EVERY}`,
  lost: 'server',
  writes: 'transactions',
};

const COMEBACKS: readonly Comeback[] = [
  AFTER_RESTART,
  {
    name: 'fleet-comeback-quiet',
    title: 'A fleet comes back after a restart, and nearly nothing was written',
    about: `${RESTARTED} One key is written then, so that each client can tell that it follows. ${EVERY}`,
    lost: 'server',
    writes: 'one key',
  },
  {
    name: 'fleet-comeback-compacted',
    title: 'A fleet comes back after a restart and a compaction',
    about: `${RESTARTED} ${WRITTEN} Then the history is compacted. ${EVERY}`,
    lost: 'server',
    writes: 'transactions',
    compacted: true,
  },
  {
    name: 'fleet-comeback-leader',
    title: 'A fleet comes back after a cluster lost its leader',
    about: `The leader of three members is killed while all follow, and stays away. When there is another one, thirty transactions of 100 keys follow at once. Time counts from there. ${EVERY}`,
    lost: 'leader',
    writes: 'transactions',
  },
];

const METRICS: Readonly<Record<string, Metric>> = {
  ...FLEET_METRICS,
  startCpuMs: { label: 'server CPU of all until then, before the server served', unit: 'ms' },
};

const GOALS: readonly Goal[] = [
  against('go', 'serverCpuMs', 2, 'server CPU until all are equal and live'),
  against('etcd3', 'serverCpuMs', 1.3, 'the same, against etcd3'),
  against('go', 'totalCpuMs', 2, 'server CPU until all are at rest'),
  against('go', 'liveMs', 2, 'time until all are equal and live'),
  ...COMMON_GOALS,
];

function comebackRow(comeback: Comeback): Row {
  const { name, title, about } = comeback;
  return {
    ...FLEET,
    name,
    module: 'fleet-comeback',
    title,
    about,
    metrics: METRICS,
    goals: GOALS,
    start: (bench) => {
      const { clients, keys } = bench.scale.fleet;
      return Promise.resolve(() => fleetRound(bench, (side) => comeBack(bench, side, { clients, keys }, comeback)));
    },
  };
}

/** The metrics of the same fleet with a tenth of the keys. */
const SMALL_METRICS: Readonly<Record<string, Metric>> = {
  smallServerCpuMs: { label: 'server CPU until then, with a tenth of the keys', unit: 'ms' },
  clientsCpuMs: { label: 'server CPU until then, without its start', unit: 'ms' },
  smallClientsCpuMs: { label: 'the same, with a tenth of the keys', unit: 'ms' },
  smallLiveMs: { label: 'until all are equal and live, with a tenth of the keys', unit: 'ms' },
};

const largeRow: Row = {
  ...FLEET,
  name: 'fleet-comeback-large',
  module: 'fleet-comeback',
  title: 'A smaller fleet with more keys comes back',
  about: `A tenth of the clients, with ten times the keys, against as many clients with the keys of the other rows. ${RESTARTED} ${WRITTEN} ${EVERY}`,
  metrics: { ...METRICS, ...SMALL_METRICS },
  goals: [
    {
      what: 'server CPU without its start, ten times the keys against the keys',
      kind: 'ratio',
      ours: { side: 'mirror', metric: 'clientsCpuMs' },
      peer: { side: 'mirror', metric: 'smallClientsCpuMs' },
      limit: 1.5,
    },
    {
      what: 'the same with its start, which loads ten times the keys',
      kind: 'ratio',
      ours: { side: 'mirror', metric: 'serverCpuMs' },
      peer: { side: 'mirror', metric: 'smallServerCpuMs' },
      limit: 1.5,
      since: '2026-12-01',
    },
    { ...against('go', 'clientsCpuMs', 2, 'server CPU without its start'), since: '2026-12-01' },
    { ...against('go', 'liveMs', 2, 'time until all are equal and live'), since: '2026-12-01' },
    ...COMMON_GOALS,
  ],
  start: (bench) => {
    const { fewClients: clients, keys, manyKeys } = bench.scale.fleet;
    const run = async (side: string): Promise<Figures> => {
      const few = await comeBack(bench, side, { clients, keys }, AFTER_RESTART);
      const many = await comeBack(bench, side, { clients, keys: manyKeys }, AFTER_RESTART);
      const unequal = (few['unequal'] ?? NaN) + (many['unequal'] ?? NaN);
      return {
        ...many,
        unequal,
        smallServerCpuMs: few['serverCpuMs'] ?? NaN,
        smallClientsCpuMs: few['clientsCpuMs'] ?? NaN,
        smallLiveMs: few['liveMs'] ?? NaN,
      };
    };
    return Promise.resolve(() => fleetRound(bench, run));
  },
};

/** The row that has this file's name. */
export const row: Row = comebackRow(AFTER_RESTART);
export const comebackRows: readonly Row[] = [...COMEBACKS.map(comebackRow), largeRow];

function comeBack(bench: Bench, side: string, size: FleetSize, comeback: Comeback): Promise<Figures> {
  const isLeader = comeback.lost === 'leader';
  return onStage(bench, side, { ...size, nodes: isLeader ? 3 : 1 }, async (stage) => {
    const { etcd, member: first, fleet } = stage;
    const { settleMs, downMs } = bench.scale.fleet;
    await fleet.load();
    await delay(settleMs);
    const meter = await ServerMeter.begin(etcd);
    const member = isLeader ? await loseLeader(etcd, meter) : await restart(first, meter, downMs);
    const done = async () => fleet.reach(await write(stage, member, size, comeback));
    return measureFleet(stage, { meter, member, done });
  });
}

/** Gives the member when it serves again. */
async function restart(member: EtcdMember, meter: ServerMeter, downMs: number): Promise<EtcdMember> {
  await meter.kill(member);
  await delay(downMs);
  await member.start();
  return member;
}

/** Gives the next leader when there is one. */
async function loseLeader(etcd: Etcd, meter: ServerMeter): Promise<EtcdMember> {
  await meter.kill(await leaderOf(etcd));
  return leaderOf(etcd);
}

/** By a page of metrics: `etcd.leader()` sends requests, which would be counted. Pages cost the server much, so not too often. */
function leaderOf({ members }: Etcd): Promise<EtcdMember> {
  return eventually(
    async () => {
      for (const member of members)
        if (member.state === 'running' && (await member.metric('etcd_server_is_leader')) === 1) return member;
      throw new Error('no running member leads');
    },
    { intervalMs: 100 },
  );
}

/** Writes what the clients must get, and gives the last revision. */
async function write(
  { bench, etcd }: Stage,
  { endpoint }: EtcdMember,
  { keys }: FleetSize,
  { writes, compacted }: Comeback,
): Promise<number> {
  const { transactions, keysEach } = bench.scale.fleet;
  const batch = writes === 'one key' ? 1 : Math.min(keysEach, keys);
  const count = writes === 'one key' ? 1 : Math.min(transactions * batch, keys);
  // Distinct keys, all over the prefix.
  const indexes = Array.from({ length: count }, (_, index) => Math.floor((index * keys) / count));
  const head = await rewriteInBatches(endpoint, PREFIX, indexes, batch);
  if (compacted === true) await etcd.compact(head);
  return head;
}
