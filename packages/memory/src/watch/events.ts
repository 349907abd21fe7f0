import type { Bookmark, UndecodableKey, WatchBatch, WatchEvent } from '@holdfast/store';
import type { DriverWatchOptions } from '@holdfast/store/adapter';
import { type Entries, asRevision } from '../entries/entries.js';
import { type Version, isDeletion } from '../data/key-history.js';

// Roughly the memory of an event, without its key and values.
const EVENT_BYTES = 200;

export type EventOptions = Pick<DriverWatchOptions, 'previous' | 'only'>;

/** Whether a watch with these options delivers this change. */
export function isWanted(change: Version, { only }: EventOptions): boolean {
  return only === undefined || (only === 'delete') === isDeletion(change);
}

/** Makes a batch of the changes of one revision, at least one, and tells roughly its size in memory. */
export function eventBatch(
  changes: readonly Version[],
  bookmark: Bookmark,
  options: EventOptions,
  entries: Entries,
): { batch: WatchBatch; bytes: number } {
  const events: WatchEvent[] = [];
  const undecodable: UndecodableKey[] = [];
  let bytes = 0;
  for (const change of changes) {
    const { history } = change;
    // As in etcd: the state before the revision, also if a transaction changed the key twice.
    const before = options.previous ? history.at(change.modRevision - 1) : undefined;
    bytes += EVENT_BYTES + history.key.length + change.value.length + (before?.value.length ?? 0);
    const event = toEvent(change, before, entries);
    if (event === undefined) undecodable.push(entries.undecodable(change));
    else events.push(event);
  }
  return { batch: { kind: 'events', bookmark, events, undecodable }, bytes };
}

function toEvent(change: Version, before: Version | undefined, entries: Entries): WatchEvent | undefined {
  const { name } = change.history;
  if (name === undefined) return undefined;
  const revision = asRevision(change.modRevision);
  const previous = before === undefined ? undefined : entries.keyValue(before);
  if (isDeletion(change)) {
    const event = { type: 'delete', revision, key: name } as const;
    return previous === undefined ? event : { ...event, previous };
  }
  const current = entries.keyValue(change);
  if (current === undefined) return undefined;
  const event = { type: 'put', revision, current, isCreate: change.version === 1 } as const;
  return previous === undefined ? event : { ...event, previous };
}

export const PROGRESS_BYTES = 100;

export function progressBatch(bookmark: Bookmark): WatchBatch {
  return { kind: 'progress', bookmark, events: [], undecodable: [] };
}
