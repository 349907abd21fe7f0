import { isDeepStrictEqual } from 'node:util';
import { isStoreError, type Bookmark, type StoreError, type UndecodableKey, type WatchEvent } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';
import { brokenBatch, type Follower } from './follower.js';
import type { Translator } from './outcome.js';
import type { Side } from './side.js';

/** Two watches of the same, one on each store. */
export interface WatchPair {
  readonly server: Follower;
  readonly memory: Follower;
}

/** How two watches differ, in words. */
export interface WatchDifference {
  readonly how: string;
  readonly server: unknown;
  readonly memory: unknown;
}

/**
 * - `same`: so far.
 * - `overtaken`: a compaction ended one of them, which had not told everything yet. The other one was quicker: how far each has come is not
 *   promised.
 */
export type WatchVerdict = 'same' | 'overtaken' | WatchDifference;

type Told = readonly { readonly revision: unknown; readonly events: readonly unknown[] }[];

/** Compares everything that two watches have told, and how they ended. */
export async function compareWatches(pair: WatchPair, server: Side, memory: Side): Promise<WatchVerdict> {
  const [ready, expectedReady] = await Promise.all([pair.server.ready, pair.memory.ready]);
  for (const [follower, began] of [
    [pair.server, ready],
    [pair.memory, expectedReady],
  ] as const) {
    const broken = brokenBatch(follower.batches, began);
    if (broken !== undefined)
      return { how: broken, server: briefly(pair.server, server), memory: briefly(pair.memory, memory) };
  }
  const began = [begin(ready, server), begin(expectedReady, memory)];
  // etcd creates a watch whose history is compacted, and ends it a moment later. Then how both ended says it all.
  const isRefused = pair.memory.established === undefined && isStoreError(expectedReady, 'compacted');
  if (!isRefused && !isDeepStrictEqual(began[0], began[1]))
    return { how: 'they began differently', server: began[0], memory: began[1] };

  const told = toldBy(pair.server, server);
  const expected = toldBy(pair.memory, memory);
  const isOvertaken = overtaken(pair.server, pair.memory) || overtaken(pair.memory, pair.server);
  const length = isOvertaken ? Math.min(told.length, expected.length) : Infinity;
  if (!sameEvents(told.slice(0, length), expected.slice(0, length))) {
    return { how: 'they told different events', server: told, memory: expected };
  }
  if (isOvertaken) return 'overtaken';
  const ends = [endOf(pair.server, server), endOf(pair.memory, memory)];
  if (!isDeepStrictEqual(ends[0], ends[1])) return { how: 'they ended differently', server: ends[0], memory: ends[1] };
  return 'same';
}

/** Whether a compaction ended the one watch, established as it was, and not the other one. */
export function overtaken(one: Follower, other: Follower): boolean {
  if (one.end.kind !== 'failed' || !isStoreError(one.end.error, 'compacted')) return false;
  if (other.end.kind === 'failed' || one.established === undefined) return false;
  const reached = one.batches.at(-1)?.bookmark.revision ?? one.established.revision;
  return reached < one.end.error.compactRevision;
}

/** What a watch has told, revision by revision. */
export function toldBy({ batches }: Follower, side: Side): Told {
  const byRevision = new Map<unknown, unknown[]>();
  for (const { events, undecodable } of batches) {
    for (const event of [...events, ...undecodable]) {
      const revision = side.names.toCommon(event.revision);
      const group = byRevision.get(revision) ?? [];
      byRevision.set(revision, group);
      group.push('type' in event ? commonEvent(event, side) : commonKey(event, side));
    }
  }
  return [...byRevision].map(([revision, events]) => ({ revision, events }));
}

function commonEvent(event: WatchEvent, side: Side): unknown {
  if (event.type === 'delete-range') return event;
  const { translator } = side;
  if (event.type === 'delete') return translator.common(event);
  const { current, ...rest } = event;
  return { ...(translator.common(rest) as object), entry: translator.common(current) };
}

function commonKey(key: UndecodableKey, side: Side): unknown {
  return { undecodable: side.translator.common(key) };
}

function sameEvents(told: Told, expected: Told): boolean {
  const rest = new Map(expected.map((group) => [group.revision, group.events]));
  const order = told.map(({ revision }) => revision);
  if (
    !isDeepStrictEqual(
      expected.map(({ revision }) => revision),
      order.filter((revision) => rest.has(revision)),
    )
  )
    return false;
  return told.every(({ revision, events }) => {
    const own = rest.get(revision) ?? [];
    const [gone] = events.filter(isDeleteRange);
    if (gone === undefined) return isDeepStrictEqual(events, own);
    // A directory of etcd v2 is gone as one event, whatever was in it; perhaps nothing.
    const range = KeyRange.from(gone.range);
    return own.every((event) => isDeleteOf(event, range));
  });
}

function isDeleteRange(event: unknown): event is WatchEvent & { readonly type: 'delete-range' } {
  return (event as WatchEvent).type === 'delete-range';
}

function isDeleteOf(event: unknown, range: KeyRange): boolean {
  const { type, key } = event as { readonly type?: string; readonly key?: string };
  return type === 'delete' && key !== undefined && range.contains(key);
}

function begin(ready: Bookmark | StoreError, { translator }: Side): unknown {
  return isStoreError(ready) ? failure(ready, translator) : translator.common(ready);
}

function endOf({ end }: Follower, { translator }: Side): unknown {
  return end.kind === 'failed' ? failure(end.error, translator) : end.kind;
}

/** Without its text, which is each store's own. */
function failure(error: unknown, translator: Translator): unknown {
  const { message: _message, ...rest } = { message: '', ...translator.failure(error) };
  return rest;
}

function briefly(follower: Follower, side: Side): unknown {
  return { batches: side.translator.common(follower.batches), end: endOf(follower, side) };
}
