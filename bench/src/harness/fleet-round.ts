import type { Etcd, EtcdMember, Proxy } from '@holdfast/testkit';
import { setTimeout as delay } from 'node:timers/promises';
import { canRun } from '../peers/go-program.js';
import { contentOf, seed } from '../peers/seed.js';
import type { Bench } from './bench.js';
import { Fleet } from './fleet.js';
import { sharedNow } from './measure.js';
import type { Figures, Sample } from './row.js';
import { type ServerMeter, type ServerCounts } from './server-meter.js';
import type { SideProcess } from './side-process.js';

/** The keys that a fleet follows. */
export const PREFIX = '/bench/fleet/';
const OTHER_PREFIX = '/bench/others/';

/** Sides that may lose events: their unequal clients are a figure, and no failure. */
const MAY_LOSE = ['etcd3'];

export interface FleetSize {
  readonly clients: number;
  readonly keys: number;
}

/** Servers that hold the keys, and a fleet that can begin. */
export interface Stage {
  readonly bench: Bench;
  readonly etcd: Etcd;
  /** The only member, or the first one. */
  readonly member: EtcdMember;
  readonly fleet: Fleet;
  readonly bystander: SideProcess;
  /** The store's revision after the last key. */
  readonly head: number;
  /** What the clients connect through, if they do. */
  readonly proxy: Proxy | undefined;
}

export interface StageOptions extends FleetSize {
  readonly nodes?: 1 | 3;
  /** Whether the clients connect through a proxy, which can cut them off. */
  readonly proxied?: true;
}

/** Runs every side once, each with servers of its own, so that none finds what another one left. */
export async function fleetRound(
  bench: Bench,
  run: (side: string) => Promise<Figures>,
): Promise<Readonly<Record<string, Sample>>> {
  const samples: Record<string, Sample> = {};
  for (const side of bench.order().filter(canRun)) {
    const figures = await run(side);
    if (figures['unequal'] !== 0 && !MAY_LOSE.includes(side))
      throw new Error(`${figures['unequal']} clients of ${side} did not become equal to the server in time`);
    samples[side] = { figures };
  }
  return samples;
}

/** Gives what `run` gives, and closes the servers. */
export async function onStage<T>(
  bench: Bench,
  side: string,
  { clients, keys, nodes = 1, proxied }: StageOptions,
  run: (stage: Stage) => Promise<T>,
): Promise<T> {
  const { processes, patienceMs, writesPerSecond, windowMs } = bench.scale.fleet;
  const etcd = await bench.etcd({ nodes });
  const [member] = etcd.members;
  if (member === undefined) throw new Error('etcd has no member');
  const proxy = proxied === true ? await bench.proxy(etcd.endpoint) : undefined;
  try {
    const head = await seed(etcd.endpoint, PREFIX, keys);
    const fleet = await Fleet.start(bench, {
      side,
      endpoints: proxy === undefined ? etcd.endpoints : [proxy.endpoint],
      prefix: PREFIX,
      clients,
      processes,
      patienceMs,
    });
    const bystander = bench.start('bystander', {
      endpoint: etcd.endpoint,
      prefix: OTHER_PREFIX,
      perSecond: writesPerSecond,
      windowMs,
    });
    await bystander.hear('ready');
    return await run({ bench, etcd, member, fleet, bystander, head, proxy });
  } finally {
    await proxy?.close();
    await etcd.close();
  }
}

export interface Watched {
  readonly meter: ServerMeter;
  /** A member that serves: the other client writes there. */
  readonly member: EtcdMember;
  /** Resolves with the time when the whole fleet is equal to the servers, and follows. */
  readonly done: () => Promise<number>;
}

/** What it costs until a fleet is equal to its servers, and then until the fleet is at rest again. */
export async function measureFleet(stage: Stage, { meter, member, done }: Watched): Promise<Figures> {
  const { windowMs, afterMs } = stage.bench.scale.fleet;
  const began = sharedNow();
  stage.bystander.tell('begin', member.endpoint);
  const startCpuMs = meter.cpuMs;
  const liveAt = await done();
  const serverCpuMs = meter.cpuMs;
  await delay(Math.max(0, windowMs - (sharedNow() - began)));
  stage.bystander.tell('stop');
  const writes = (await stage.bystander.result).figures;
  // What the clients put off is part of the price.
  await delay(Math.max(0, afterMs - (sharedNow() - liveAt)));
  const all = await meter.read();
  const own = await stage.fleet.end(await contentOf(member.endpoint, PREFIX));
  return {
    liveMs: liveAt - began,
    startCpuMs,
    clientsCpuMs: serverCpuMs - startCpuMs,
    serverCpuMs,
    totalCpuMs: all.get('cpuMs') ?? NaN,
    ...requestsIn(all),
    ...writes,
    ...own,
  };
}

/** What the rows themselves ask for: the fleet asks for none of it. */
const OF_THE_ROW = ['Put', 'Txn', 'Compact'];

/** By kind, and for a closer look those of each other method too. */
function requestsIn(counts: ServerCounts): Figures {
  const methods: Record<string, number> = {};
  const figures = {
    ranges: 0,
    watchStreams: 0,
    watchMessages: 0,
    statuses: 0,
    memberLists: 0,
    otherRequests: 0,
    cancelled: 0,
  };
  for (const [name, count] of counts) {
    const [what = '', method = ''] = name.split(' ');
    if (what === 'cancelled' && method === 'Range') figures.cancelled += count;
    else if (what === 'messages' && method === 'Watch') figures.watchMessages += count;
    else if (what !== 'started' || OF_THE_ROW.includes(method)) continue;
    else if (method === 'Range' || method === 'RangeStream') figures.ranges += count;
    else if (method === 'Watch') figures.watchStreams += count;
    else if (method === 'Status') figures.statuses += count;
    else if (method === 'MemberList') figures.memberLists += count;
    else {
      figures.otherRequests += count;
      if (count !== 0) methods[`requests:${method}`] = count;
    }
  }
  return { ...figures, ...methods };
}
