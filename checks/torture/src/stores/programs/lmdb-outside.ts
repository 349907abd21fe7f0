// A process that reads the file of a folder by itself: what is really there, without Holdfast. It knows the layout of the file.
import { open } from 'lmdb';
import { serve } from './serve.js';

const [path = ''] = process.argv.slice(2);
const BINARY = { encoding: 'binary', keyEncoding: 'binary' } as const;
const root = open({ path, noSubdir: false, readOnly: true, maxDbs: 8, mapSize: 2 ** 40, ...BINARY });
const table = (name: string) => root.openDB<Buffer, Buffer>({ name, ...BINARY });
const [meta, entries, replaced, changes, leases] = ['meta', 'entries', 'replaced', 'changes', 'leases'].map(table) as [
  Table,
  Table,
  Table,
  Table,
  Table,
];

type Table = ReturnType<typeof table>;

interface Entry {
  readonly key: string;
  readonly value: string;
  readonly modRevision: number;
  readonly createRevision: number;
}

interface State {
  readonly head: number;
  readonly identity: string;
  readonly compacted: number;
}

function state(): State {
  return JSON.parse(String(meta.get(Buffer.from('state')))) as State;
}

/** After 32 bytes of numbers comes the value. */
function entryOf(key: Buffer, bytes: Buffer): Entry {
  return {
    key: key.toString(),
    createRevision: bytes.readDoubleBE(0),
    modRevision: bytes.readDoubleBE(8),
    value: bytes.subarray(32).toString(),
  };
}

/** The entry that a revision wrote. */
function written(key: Buffer, revision: number): Entry | undefined {
  const present = entries.get(key);
  if (present !== undefined && present.readDoubleBE(8) === revision) return entryOf(key, present);
  const place = Buffer.alloc(2 + key.length + 8);
  place.writeUInt16BE(key.length, 0);
  key.copy(place, 2);
  place.writeDoubleBE(revision, 2 + key.length);
  const old = replaced.get(place);
  return old && entryOf(key, old.subarray(8));
}

function changesAfter(after: number, prefix: string) {
  const start = Buffer.alloc(12);
  start.writeDoubleBE(after + 1, 0);
  const found: { revision: number; key: string; entry: Entry | undefined }[] = [];
  for (const { key: place, value } of changes.getRange({ start })) {
    const key = Buffer.from(value.subarray(9));
    if (!key.toString().startsWith(prefix)) continue;
    const revision = place.readDoubleBE(0);
    found.push({ revision, key: key.toString(), entry: value.readUInt8(0) === 1 ? written(key, revision) : undefined });
  }
  const { head, compacted } = state();
  return { head, compacted, changes: found };
}

serve((method, args) => {
  // Each answer is of one snapshot, the newest: nothing else happens in this turn.
  root.resetReadTxn();
  const [first, prefix] = args as [never, string];
  if (method === 'changes') return changesAfter(first, prefix);
  if (method === 'last') return changesAfter(0, first).changes.at(-1)?.revision ?? 0;
  if (method === 'leases') return [...leases.getKeys()].map((id) => String(id.readBigUInt64BE(0)));
  const items: Entry[] = [];
  for (const { key, value } of entries.getRange({ start: Buffer.from(first) })) {
    if (!key.toString().startsWith(first)) break;
    items.push(entryOf(key, value));
  }
  const { head, identity } = state();
  return { revision: head, identity, items };
});
