import { build, drop, parse, rearrange, set } from './protobuf.js';

/** A change of one message that no honest etcd sends. */
export interface Lie {
  readonly name: string;
  /** The end of the gRPC paths whose answers it changes. */
  readonly of: RegExp;
  readonly change: (message: Buffer) => Buffer | readonly Buffer[];
}

// Field numbers of etcd's messages.
const HEADER = 1;
const [CLUSTER, REVISION] = [1, 3];
const [KVS, MORE, COUNT] = [2, 3, 4];
const [KEY, CREATE, MOD, VERSION, LEASE] = [1, 2, 3, 4, 6];
const [WATCH_ID, CREATED, CANCELED, COMPACT, EVENTS, EVENT_KV] = [2, 3, 4, 5, 11, 2];

const NUMBERS: readonly bigint[] = [0n, -1n, 2n ** 53n, 2n ** 63n - 1n];
const READS = /\/Range$/;
const WATCHES = /\/Watch$/;
const ALL = /\/(Range|Txn|Put|DeleteRange|Watch|LeaseGrant|LeaseTimeToLive|Status|MemberList)$/;

const has = (message: Buffer, field: number): boolean => parse(message).some(([number]) => number === field);
/** Changes answers that have this field alone. */
const where =
  (field: number, change: Lie['change']): Lie['change'] =>
  (message) =>
    has(message, field) ? change(message) : message;

/**
 * What a client can tell from the truth. Lies that it can't are not among them: another value, a key that is in the range and in order, an
 * event that is left out.
 */
export const V3_LIES: readonly Lie[] = [
  { name: 'another key', of: READS, change: where(KVS, (m) => set(m, [KVS, KEY], Buffer.from('zzz'))) },
  { name: 'an entry without a key', of: READS, change: where(KVS, (m) => drop(m, [KVS, KEY])) },
  {
    name: 'keys in the wrong order',
    of: READS,
    change: where(KVS, (m) => rearrange(m, KVS, (kvs) => kvs.toReversed())),
  },
  {
    name: 'a key twice',
    of: READS,
    change: where(KVS, (m) => rearrange(m, KVS, ([a, ...rest]) => (a ? [a, a, ...rest] : rest))),
  },
  {
    name: 'the last entry left out',
    of: READS,
    change: where(KVS, (m) => rearrange(m, KVS, (kvs) => kvs.slice(0, -1))),
  },
  // Of a scan whose first page tells how many there are. By itself it would be an empty range.
  {
    name: 'an empty last page',
    of: READS,
    change: (m) => (has(m, MORE) || !m.includes('big/k1') ? m : drop(drop(m, [KVS]), [COUNT])),
  },
  { name: 'a count of 2^42', of: READS, change: where(COUNT, (m) => set(m, [COUNT], 2n ** 42n)) },
  { name: 'a negative count', of: READS, change: where(COUNT, (m) => set(m, [COUNT], -1n)) },
  { name: 'more than there is', of: READS, change: where(KVS, (m) => set(m, [MORE], 1n)) },
  { name: 'a negative lease', of: READS, change: where(KVS, (m) => set(m, [KVS, LEASE], -5n)) },
  ...NUMBERS.flatMap((number): Lie[] => [
    {
      name: `revision ${number} in headers`,
      of: ALL,
      change: where(HEADER, (m) => set(m, [HEADER, REVISION], number)),
    },
    { name: `entries of revision ${number}`, of: READS, change: where(KVS, (m) => set(m, [KVS, MOD], number)) },
    { name: `entries created at ${number}`, of: READS, change: where(KVS, (m) => set(m, [KVS, CREATE], number)) },
    {
      name: `events of revision ${number}`,
      of: WATCHES,
      change: where(EVENTS, (m) => set(m, [EVENTS, EVENT_KV, MOD], number)),
    },
    {
      name: `events of version ${number}`,
      of: WATCHES,
      change: where(EVENTS, (m) => set(m, [EVENTS, EVENT_KV, VERSION], number)),
    },
  ]),
  { name: 'no header', of: ALL, change: (m) => drop(m, [HEADER]) },
  { name: 'another cluster', of: ALL, change: where(HEADER, (m) => set(m, [HEADER, CLUSTER], 4711n)) },
  {
    name: 'events of another key',
    of: WATCHES,
    change: where(EVENTS, (m) => set(m, [EVENTS, EVENT_KV, KEY], Buffer.from('zzz'))),
  },
  { name: 'events without an entry', of: WATCHES, change: where(EVENTS, (m) => drop(m, [EVENTS, EVENT_KV])) },
  { name: 'events of a type that there is not', of: WATCHES, change: where(EVENTS, (m) => set(m, [EVENTS, 1], 7n)) },
  { name: 'events twice', of: WATCHES, change: where(EVENTS, (m) => [m, m]) },
  { name: 'another watch id', of: WATCHES, change: (m) => set(m, [WATCH_ID], 4711n) },
  { name: 'watches created twice', of: WATCHES, change: where(CREATED, (m) => [m, m]) },
  { name: 'watches canceled', of: WATCHES, change: where(CREATED, (m) => set(m, [CANCELED], 1n)) },
  {
    name: 'a compaction that was none',
    of: WATCHES,
    change: where(CREATED, (m) => [m, set(set(drop(m, [CREATED]), [CANCELED], 1n), [COMPACT], 2n)]),
  },
  { name: 'half of each message', of: ALL, change: (m) => m.subarray(0, Math.floor(m.length / 2)) },
  { name: 'numbers without an end', of: ALL, change: (m) => Buffer.concat([m, Buffer.alloc(12, 0xff)]) },
  { name: 'wire types that there are not', of: ALL, change: (m) => Buffer.concat([m, Buffer.of(0x0b, 0x0e)]) },
  { name: 'nothing at all', of: ALL, change: () => Buffer.alloc(0) },
  { name: 'a transaction in itself, 5,000 deep', of: /\/Txn$/, change: () => nested(5_000) },
  {
    name: 'responses without an end',
    of: WATCHES,
    change: where(EVENTS, (m) => Array.from({ length: 2_000 }, () => set(m, [7], 1n))),
  },
];

function nested(depth: number): Buffer {
  let message = build([]);
  for (let i = 0; i < depth; i += 1) message = build([[3, build([[4, message]])]]);
  return message;
}
