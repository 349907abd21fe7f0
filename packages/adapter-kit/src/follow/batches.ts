import type { Bookmark, Revision, UndecodableKey, WatchBatch, WatchEvent } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';

// Roughly the memory of an event, without its key and values.
const EVENT_BYTES = 200;

/** Progress waits as one batch, however often it is told. */
export const PROGRESS_BYTES = 100;

/** What a watch asks for. */
export interface Wanted {
  readonly range: KeyRange;
  readonly only: 'put' | 'delete' | undefined;
  readonly previous: boolean;
}

export interface SizedBatch {
  readonly batch: WatchBatch;
  /** Roughly its size in memory. */
  readonly bytes: number;
}

/** One batch for each revision of which the watch wants something, oldest first. */
export function* batchesOf(
  events: readonly WatchEvent[],
  undecodable: readonly UndecodableKey[],
  wanted: Wanted,
  bookmarkAt: (revision: Revision) => Bookmark,
): Generator<SizedBatch> {
  const told = events.flatMap((event) => toWanted(event, wanted));
  const raw = undecodable.filter(
    ({ rawKey, deleted }) =>
      wanted.range.contains(rawKey) && (wanted.only === undefined || (wanted.only === 'delete') === deleted),
  );
  // One pass over each: a watch that comes back may be tens of thousands of revisions behind.
  const [toldOf, rawOf] = [byRevision(told), byRevision(raw)];
  const revisions = new Set([...toldOf.keys(), ...rawOf.keys()]);
  for (const revision of [...revisions].sort((a, b) => a - b)) {
    const [own, ownRaw] = [toldOf.get(revision) ?? [], rawOf.get(revision) ?? []];
    const batch = { kind: 'events', bookmark: bookmarkAt(revision), events: own, undecodable: ownRaw } as const;
    yield {
      batch,
      bytes: batch.events.reduce((sum, event) => sum + bytesOf(event), EVENT_BYTES * (1 + batch.undecodable.length)),
    };
  }
}

/** In the order in which they came. */
function byRevision<T extends { readonly revision: Revision }>(all: readonly T[]): Map<Revision, T[]> {
  const groups = new Map<Revision, T[]>();
  for (const each of all) {
    const { revision } = each;
    const group = groups.get(revision);
    if (group === undefined) groups.set(revision, [each]);
    else group.push(each);
  }
  return groups;
}

function toWanted(event: WatchEvent, { range, only, previous }: Wanted): WatchEvent[] {
  if (only !== undefined && (only === 'put') !== (event.type === 'put')) return [];
  switch (event.type) {
    case 'put':
      return range.contains(event.current.key) ? [previous ? event : withoutPrevious(event)] : [];
    case 'delete':
      return range.contains(event.key) ? [previous ? event : withoutPrevious(event)] : [];
    case 'delete-range': {
      const part = KeyRange.from(event.range).intersect(range);
      return part === undefined ? [] : [{ ...event, range: part.toRange() }];
    }
    default:
      return event satisfies never;
  }
}

function withoutPrevious<T extends WatchEvent & { readonly previous?: unknown }>({
  previous: _,
  ...event
}: T): Omit<T, 'previous'> & WatchEvent {
  return event as Omit<T, 'previous'> & WatchEvent;
}

function bytesOf(event: WatchEvent): number {
  if (event.type === 'delete-range') return EVENT_BYTES;
  const { previous } = event;
  const current = event.type === 'put' ? event.current.key.length + event.current.value.length : event.key.length;
  return EVENT_BYTES + current + (previous?.value.length ?? 0);
}
