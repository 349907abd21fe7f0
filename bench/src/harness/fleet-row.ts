import { fleetEtcd3 } from '../peers/fleet-etcd3.js';
import { fleetMirror } from '../peers/fleet-mirror.js';
import { bystander } from './bystander.js';
import { fleetSide, goSide } from './fleet-side.js';
import type { Goal, Metric, Row, Side } from './row.js';

const sides: Readonly<Record<string, Side>> = {
  mirror: fleetSide("mirrors, decode: 'lazy', a store each", fleetMirror),
  etcd3: fleetSide('etcd3: getAll() and watchers that resume', fleetEtcd3),
  go: goSide,
};

/** What all rows of fleets have in common. */
export const FLEET: Pick<Row, 'server' | 'ours' | 'optional' | 'sides' | 'helpers'> = {
  server: 'etcd',
  ours: ['mirror'],
  optional: ['go'],
  sides,
  helpers: { bystander },
};

export const FLEET_METRICS: Readonly<Record<string, Metric>> = {
  liveMs: { label: 'until all are equal and live', unit: 'ms' },
  serverCpuMs: { label: 'server CPU until then', unit: 'ms' },
  totalCpuMs: { label: 'server CPU until all are at rest', unit: 'ms' },
  ranges: { label: 'Range requests', unit: 'count' },
  cancelled: { label: 'of those, cancelled by their client', unit: 'count' },
  timeouts: { label: 'reads that a client gave up as too late', unit: 'count' },
  watchStreams: { label: 'Watch streams', unit: 'count' },
  watchMessages: { label: 'messages of clients in them', unit: 'count' },
  statuses: { label: 'Status requests', unit: 'count' },
  memberLists: { label: 'MemberList requests', unit: 'count' },
  otherRequests: { label: 'other requests', unit: 'count' },
  writeP50: { label: "another client's writes until all are live, p50", unit: 'ms' },
  writeP99: { label: 'the same, p99', unit: 'ms' },
  writes: { label: 'the same, number', unit: 'count' },
  windowP50: { label: "another client's writes of the first ten seconds, p50", unit: 'ms' },
  windowP99: { label: 'the same, p99', unit: 'ms' },
  failedWrites: { label: 'the same, failed', unit: 'count' },
  loadCpuMs: { label: "clients' CPU, load", unit: 'ms' },
  cpuMs: { label: "clients' CPU after it", unit: 'ms' },
  reloads: { label: 'loads again, or resyncs', unit: 'count' },
  unequal: { label: 'clients that did not become equal', unit: 'count' },
};

/** What holds in every row. */
export const COMMON_GOALS: readonly Goal[] = [
  against('go', 'writeP99', 1.2, "another client's writes until all are live, p99"),
  {
    ...against('go', 'windowP99', 1.2, "another client's writes of the first ten seconds, p99"),
    since: '2026-12-01',
  },
  atMost('cancelled', 'Range requests that a mirror cancelled'),
  atMost('timeouts', 'reads that a mirror gave up as too late'),
];

/** A goal for the mirrors, against a peer. */
export function against(peer: string, metric: string, limit: number, what: string): Goal {
  return { what, kind: 'ratio', ours: { side: 'mirror', metric }, peer: { side: peer, metric }, limit };
}

function atMost(metric: string, what: string): Goal {
  return { what, kind: 'at-most', ours: { side: 'mirror', metric }, limit: 0 };
}
