import type { Changes, ChangesQuery } from '@holdfast/adapter-kit';
import type { KeyValue, Revision, UndecodableKey, WatchEvent } from '@holdfast/store';
import { changeKey, decodeChange, decodeStored, type Change, type Stored } from '../data/records.js';
import { keyName } from '../data/utf8.js';
import { readState, type Tables } from '../database/tables.js';
import { toKeyValue } from '../reads/entries.js';
import { replacedEntry } from '../reads/past.js';

// How much is read in one turn of the event loop. Revisions stay whole.
const MOST_CHANGES = 1_000;
const MOST_BYTES = 1024 * 1024;

/** What happened after a revision, of one snapshot. */
export function changesSince(tables: Tables, after: number, { range }: Pick<ChangesQuery, 'range'>): Changes {
  const { head, identity, compacted } = readState(tables);
  const facts = { identity, head: head as Revision, compacted };
  if (after < compacted || after >= head) return { ...facts, events: [] };
  const events: WatchEvent[] = [];
  const undecodable: UndecodableKey[] = [];
  let walked = 0;
  let bytes = 0;
  let upTo = after;
  for (const { key: place, value } of tables.changes.getRange({ start: changeKey(after + 1, 0) })) {
    const change = decodeChange(place, value);
    if (change.revision !== upTo) {
      if (walked >= MOST_CHANGES || bytes >= MOST_BYTES)
        return { ...facts, events, undecodable, upTo: upTo as Revision };
      upTo = change.revision;
    }
    walked += 1;
    if (!range.contains(change.key)) continue;
    const event = toEvent(tables, change);
    if (event === undefined) {
      const { key, revision, type } = change;
      undecodable.push({ rawKey: new Uint8Array(key), revision: revision as Revision, deleted: type === 'delete' });
      continue;
    }
    bytes += sizeOf(event);
    events.push(event);
  }
  return { ...facts, events, undecodable };
}

function toEvent(tables: Tables, { key, revision: at, type, previous: before }: Change): WatchEvent | undefined {
  const name = keyName(key);
  if (name === undefined) return undefined;
  const revision = at as Revision;
  const previous = before === 0 ? undefined : keyValue(tables, key, entryOf(tables, key, before));
  if (type === 'delete') return { type, revision, key: name, ...(previous && { previous }) };
  const current = keyValue(tables, key, entryOf(tables, key, at));
  return { type, revision, current, isCreate: before === 0, ...(previous && { previous }) };
}

/** The entry that a revision wrote: the present one, or one that was replaced since. */
function entryOf(tables: Tables, key: Uint8Array, modRevision: number): Stored {
  const bytes = tables.entries.get(key);
  const present = bytes && decodeStored(bytes);
  if (present?.modRevision === modRevision) return present;
  const entry = replacedEntry(tables, key, modRevision);
  if (entry === undefined) throw new Error(`MDB_CORRUPTED: revision ${modRevision} of a key is missing`);
  return entry;
}

function keyValue(tables: Tables, key: Uint8Array, entry: Stored): KeyValue {
  const item = toKeyValue(tables, { key, entry });
  if (item === undefined) throw new Error('MDB_CORRUPTED: a key changed its bytes');
  return item;
}

function sizeOf(event: WatchEvent): number {
  if (event.type === 'delete-range') return 0;
  return (event.type === 'put' ? event.current.value.length : 0) + (event.previous?.value.length ?? 0);
}
