import { build, drop, edit, parse, rearrange, set } from './protobuf.js';

/** A change of one message that no honest etcd sends. */
export interface Lie {
  readonly name: string;
  /** The end of the gRPC paths whose answers it changes. */
  readonly of: RegExp;
  readonly change: (message: Buffer) => Buffer | readonly Buffer[];
  /** Goes on until an event was changed. etcd sends a new watch its first event up to 100 ms after a write. */
  readonly isOfEvents?: boolean;
}

// Field numbers of etcd's messages.
const HEADER = 1;
const [CLUSTER, REVISION] = [1, 3];
const [KVS, MORE, COUNT] = [2, 3, 4];
const [KEY, CREATE, MOD, VERSION, VALUE, LEASE] = [1, 2, 3, 4, 5, 6];
const [RESPONSES, RESPONSE_RANGE] = [3, 1];
const [PUT_PREVIOUS, DELETED, DELETE_PREVIOUS, LEASE_ID, LEASE_TTL] = [2, 2, 3, 2, 3];
const [WATCH_ID, CREATED, CANCELED, COMPACT, FRAGMENT, EVENTS] = [2, 3, 4, 5, 7, 11];
const [EVENT_KV, EVENT_PREVIOUS] = [2, 3];

/** Keys around the mirrored ones, some as near as can be. */
const [BEFORE, AFTER] = [
  ['a', 'mirrored'],
  ['mirrored0', 'zzz'],
];
/** More than a store takes of one response. */
const [FRAGMENTS, FRAGMENT_BYTES] = [8, 512 * 1024];

const NUMBERS: readonly bigint[] = [0n, -1n, 2n ** 53n, 2n ** 63n - 1n];
const READS = /\/Range$/;
const WATCHES = /\/Watch$/;
const TXNS = /\/Txn$/;
const PUTS = /\/Put$/;
const DELETES = /\/DeleteRange$/;
const GRANTS = /\/LeaseGrant$/;
const ALL = /\/(Range|Txn|Put|DeleteRange|Watch|LeaseGrant|LeaseTimeToLive|Status|MemberList)$/;

const has = (message: Buffer, field: number): boolean => parse(message).some(([number]) => number === field);
/** Changes answers that have this field alone. */
const where =
  (field: number, change: Lie['change']): Lie['change'] =>
  (message) =>
    has(message, field) ? change(message) : message;

const ofEvents = (name: string, change: Lie['change']): Lie => ({
  name,
  of: WATCHES,
  change: where(EVENTS, change),
  isOfEvents: true,
});

/**
 * What a client can tell from the truth. Lies that it can't are not among them: another value, a key that is in the range and in order, an
 * event that is left out.
 */
export const V3_LIES: readonly Lie[] = [
  { name: 'another key', of: READS, change: where(KVS, (m) => edit(m, [KVS], (kv) => otherEntry(kv, 'zzz'))) },
  ...BEFORE.flatMap((key): Lie[] => [
    { name: `${key} as the first key`, of: READS, change: where(KVS, (m) => replaceAt(m, 0, key)) },
    {
      name: `${key} besides the range`,
      of: READS,
      change: where(KVS, (m) => withMore(m, (kvs, other) => [other(key), ...kvs])),
    },
  ]),
  ...AFTER.flatMap((key): Lie[] => [
    { name: `${key} as the last key`, of: READS, change: where(KVS, (m) => replaceAt(m, -1, key)) },
    {
      name: `${key} besides the range`,
      of: READS,
      change: where(KVS, (m) => withMore(m, (kvs, other) => [...kvs, other(key)])),
    },
  ]),
  ...[...BEFORE, ...AFTER].map((key): Lie => ofEvents(`events of ${key}`, (m) => eventsOf(m, key))),
  ofEvents('events with the previous entry of another key', (m) =>
    edit(m, [EVENTS, EVENT_PREVIOUS], (kv) => otherEntry(kv, 'mirrored/other')),
  ),
  {
    name: 'transactions that read another key',
    of: TXNS,
    change: where(RESPONSES, (m) => edit(m, [RESPONSES, RESPONSE_RANGE, KVS], (kv) => otherEntry(kv, 'zzz'))),
  },
  {
    name: 'another key as the previous entry',
    of: PUTS,
    change: where(PUT_PREVIOUS, (m) => edit(m, [PUT_PREVIOUS], (kv) => otherEntry(kv, 'zzz'))),
  },
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
  ...[35n, 42n, 62n].map((bits): Lie => ({
    name: `a count of 2^${bits}`,
    of: READS,
    change: where(COUNT, (m) => set(m, [COUNT], 2n ** bits)),
  })),
  {
    name: 'a count that is one too much',
    of: READS,
    change: where(COUNT, (m) => edit(m, [COUNT], (n) => (n as bigint) + 1n)),
  },
  { name: 'a negative count', of: READS, change: where(COUNT, (m) => set(m, [COUNT], -1n)) },
  { name: 'more than there is', of: READS, change: where(KVS, (m) => set(m, [MORE], 1n)) },
  { name: 'a negative lease', of: READS, change: where(KVS, (m) => set(m, [KVS, LEASE], -5n)) },
  { name: 'transactions without results', of: TXNS, change: (m) => drop(m, [RESPONSES]) },
  { name: 'deletes of a negative number', of: DELETES, change: (m) => set(m, [DELETED], -1n) },
  {
    name: 'deletes of what never was',
    of: DELETES,
    change: (m) => set(set(m, [DELETED], 1n), [DELETE_PREVIOUS], build([[KEY, Buffer.from('zzz')]])),
  },
  { name: 'leases of id 0', of: GRANTS, change: (m) => drop(m, [LEASE_ID]) },
  { name: 'leases of a negative ttl', of: GRANTS, change: (m) => set(m, [LEASE_TTL], -5n) },
  {
    name: 'entries newer than their header',
    of: READS,
    change: where(KVS, (m) => set(m, [KVS, MOD], headOf(m) + 1000n)),
  },
  ofEvents('events newer than their header', (m) => set(m, [EVENTS, EVENT_KV, MOD], headOf(m) + 1000n)),
  ofEvents('events with a negative lease', (m) => set(m, [EVENTS, EVENT_KV, LEASE], -5n)),
  ...NUMBERS.flatMap((number): Lie[] => [
    {
      name: `transactions that read entries of revision ${number}`,
      of: TXNS,
      change: where(RESPONSES, (m) => set(m, [RESPONSES, RESPONSE_RANGE, KVS, MOD], number)),
    },
    {
      name: `a compaction at ${number}`,
      of: WATCHES,
      change: where(CREATED, (m) => [m, set(set(drop(m, [CREATED]), [CANCELED], 1n), [COMPACT], number)]),
    },
    {
      name: `revision ${number} in headers`,
      of: ALL,
      change: where(HEADER, (m) => set(m, [HEADER, REVISION], number)),
    },
    { name: `entries of revision ${number}`, of: READS, change: where(KVS, (m) => set(m, [KVS, MOD], number)) },
    { name: `entries created at ${number}`, of: READS, change: where(KVS, (m) => set(m, [KVS, CREATE], number)) },
    ofEvents(`events of revision ${number}`, (m) => set(m, [EVENTS, EVENT_KV, MOD], number)),
    ofEvents(`events of version ${number}`, (m) => set(m, [EVENTS, EVENT_KV, VERSION], number)),
  ]),
  { name: 'no header', of: ALL, change: (m) => drop(m, [HEADER]) },
  { name: 'another cluster', of: ALL, change: where(HEADER, (m) => set(m, [HEADER, CLUSTER], 4711n)) },
  ofEvents('events without an entry', (m) => drop(m, [EVENTS, EVENT_KV])),
  ofEvents('events of a type that there is not', (m) => set(m, [EVENTS, 1], 7n)),
  ofEvents('events twice', (m) => [m, m]),
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
  { name: 'a transaction in itself, 5,000 deep', of: TXNS, change: () => nested(5_000) },
  ofEvents('responses without an end', (m) => Array.from({ length: FRAGMENTS }, (_, i) => fragment(m, i))),
];

/** An entry of another key, with a value that never was. */
function otherEntry(entry: bigint | Buffer, key: string): Buffer {
  return set(set(entry as Buffer, [KEY], Buffer.from(key)), [VALUE], Buffer.from(`the value of ${key}`));
}

/** The events of another key, with what it was before: as a server sends them that mixes up its watches. */
function eventsOf(message: Buffer, key: string): Buffer {
  const current = edit(message, [EVENTS, EVENT_KV], (kv) => otherEntry(kv, key));
  return edit(current, [EVENTS, EVENT_PREVIOUS], (kv) => otherEntry(kv, key));
}

/** Another key in the place of one, which may be counted from the end. */
function replaceAt(message: Buffer, index: number, key: string): Buffer {
  return rearrange(message, KVS, (kvs) => kvs.with(index, otherEntry(kvs.at(index) ?? Buffer.alloc(0), key)));
}

/** As a server answers that was asked for a larger range. */
function withMore(message: Buffer, change: (kvs: Buffer[], other: (key: string) => Buffer) => Buffer[]): Buffer {
  const more = rearrange(message, KVS, (kvs) => change(kvs, (key) => otherEntry(kvs[0] ?? Buffer.alloc(0), key)));
  return edit(more, [COUNT], (count) => (count as bigint) + 1n);
}

function headOf(message: Buffer): bigint {
  const header = parse(message).find(([field]) => field === HEADER)?.[1];
  const revision = parse(header as Buffer).find(([field]) => field === REVISION)?.[1];
  return revision as bigint;
}

/**
 * One of several fragments of which none is the last, with one event: a message of many, told again and again, would be refused for its
 * order, and fill the hostile server itself. Those past what a store takes of one response tell what never was.
 */
function fragment(message: Buffer, index: number): Buffer {
  const one = rearrange(message, EVENTS, (events) => events.slice(0, 1));
  const told = index < FRAGMENTS / 2 ? one : set(one, [EVENTS, EVENT_KV, KEY], Buffer.from('mirrored/never'));
  return set(padded(told), [FRAGMENT], 1n);
}

/** With large entries before the events' own ones: the values of events can be told from the truth by nobody, so they stay. */
function padded(message: Buffer): Buffer {
  return edit(message, [EVENTS], (event) => {
    const entry = parse(event as Buffer).find(([field]) => field === EVENT_KV)?.[1] as Buffer;
    const name = parse(entry).find(([field]) => field === KEY)?.[1] ?? Buffer.alloc(0);
    const one = [CREATE, MOD, VERSION].map((field) => [field, 1n] as const);
    return set(event as Buffer, [EVENT_PREVIOUS], build([[KEY, name], ...one, [VALUE, Buffer.alloc(FRAGMENT_BYTES)]]));
  });
}

function nested(depth: number): Buffer {
  let message = build([]);
  for (let i = 0; i < depth; i += 1) message = build([[3, build([[4, message]])]]);
  return message;
}
