import type { KeyValue, Revision, StoreError, UndecodableKey, WatchEvent } from '@holdfast/store';
import type { KeyRange } from '@holdfast/store/adapter';
import { badAnswer, serverRevision } from '../protobuf/bad-answer.js';
import type { EventReader } from '../protobuf/watch.js';

/** All events of one revision. They are delivered together, or not at all (C10, docs/traps.md#trap-8). */
export interface RevisionGroup {
  readonly revision: Revision;
  readonly events: WatchEvent[];
  readonly undecodable: UndecodableKey[];
  /** Roughly its size in memory. */
  bytes: number;
}

// Roughly the memory of an event's objects, without its key and values.
const EVENT_OVERHEAD_BYTES = 200;
// A complete group of up to this size is kept until the next one, to recognise its events when they come again.
const KEPT_BYTES = 64 * 1024;

/** An event that comes after its revision was complete, or after a later one: going on from there would lose it. */
export class LateEvent extends Error {
  readonly error: StoreError;

  constructor(revision: Revision, delivered: Revision) {
    const error = badAnswer(`etcd sent an event of revision ${revision} after all of revision ${delivered}`);
    super(error.message);
    this.error = error;
  }
}

/**
 * Groups events by revision, and checks their order. The server never splits a revision over two complete responses, but a
 * fragment may end in the middle of one. So the last group stays open until a response after which no fragment follows.
 */
export class RevisionAssembler {
  #open: RevisionGroup | undefined;
  #closed: Revision | undefined;
  #closedGroup: RevisionGroup | undefined;

  /**
   * Adds the reader's current event. If it begins another revision, gives the group that is complete now.
   *
   * @param head the revision of the response's header: no event is newer
   * @throws StoreError `internal` where no etcd sends such an event
   * @throws LateEvent
   */
  add(event: EventReader, head: number): RevisionGroup | undefined {
    const { entry, size } = event;
    const key = entry.key();
    const revision = serverRevision(entry.modRevision, 'the revision of an event');
    // Going on from there would lose all events before it.
    if (revision > head) throw badAnswer(`etcd sent an event of revision ${revision} at its revision ${head}`);
    const bytes = size + EVENT_OVERHEAD_BYTES;
    const open = this.#open;
    if (open?.revision === revision) {
      open.bytes += bytes;
      if (typeof key === 'string') open.events.push(toWatchEvent(event, key, revision));
      else open.undecodable.push(toUndecodable(event, key, revision));
      return undefined;
    }
    const last = open?.revision ?? this.#closed;
    if (last !== undefined && revision <= last) {
      if (this.#isRepeated(key, revision)) return undefined;
      throw new LateEvent(revision, last);
    }
    // Made with what is in it: most revisions have one event, and an array that grows takes room for many.
    const next: RevisionGroup =
      typeof key === 'string'
        ? { revision, events: [toWatchEvent(event, key, revision)], undecodable: [], bytes }
        : { revision, events: [], undecodable: [toUndecodable(event, key, revision)], bytes };
    const completed = this.flush();
    this.#open = next;
    return completed;
  }

  /** Gives the last group, when no more of it can come. */
  flush(): RevisionGroup | undefined {
    const completed = this.#open;
    if (completed === undefined) return undefined;
    this.#open = undefined;
    this.#closed = completed.revision;
    this.#closedGroup = completed.bytes <= KEPT_BYTES ? completed : undefined;
    return completed;
  }

  /** Whether the event is one of those that were delivered last. */
  #isRepeated(key: string | Uint8Array, revision: Revision): boolean {
    const group = this.#closedGroup;
    return group?.revision === revision && keysOf(group).includes(nameOf(key));
  }
}

/** Whether all events are such as the watch asked for. @throws StoreError `internal` otherwise */
export function checkEvents({ events, undecodable }: RevisionGroup, range: KeyRange, only?: 'put' | 'delete'): void {
  for (const event of events) {
    if (!range.contains(keyOf(event))) throw badAnswer(`etcd sent an event of a key outside of ${range.toString()}`);
    if (only !== undefined && event.type !== only) throw badAnswer(`etcd sent a ${event.type} to a watch of ${only}s`);
  }
  for (const { rawKey } of undecodable) {
    if (!range.contains(rawKey)) throw badAnswer(`etcd sent an event of a key outside of ${range.toString()}`);
  }
}

/** etcd v3 tells of each key by itself: there is no event of a whole range. */
function keyOf(event: WatchEvent): string {
  return event.type === 'put' ? event.current.key : 'key' in event ? event.key : '';
}

function keysOf({ events, undecodable }: RevisionGroup): string[] {
  const keys = events.map(keyOf);
  return undecodable.length === 0 ? keys : [...keys, ...undecodable.map(({ rawKey }) => nameOf(rawKey))];
}

/** A name for any key. That of bytes can't be a key that is text. */
function nameOf(key: string | Uint8Array): string {
  return typeof key === 'string' ? key : `\ud800${Buffer.from(key).toString('hex')}`;
}

function toUndecodable({ type }: EventReader, key: Uint8Array, revision: Revision): UndecodableKey {
  // Copied: it may be kept for long, and must not keep the whole message.
  return { rawKey: key.slice(), revision, deleted: type === 'delete' };
}

function toWatchEvent(event: EventReader, key: string, revision: Revision): WatchEvent {
  const previous = previousOf(event, key, revision);
  if (event.type === 'delete') {
    return previous === undefined ? { type: 'delete', revision, key } : { type: 'delete', revision, key, previous };
  }
  const current = event.keep(event.entry, key);
  const isCreate = current.createRevision === current.modRevision;
  return previous === undefined
    ? { type: 'put', revision, current, isCreate }
    : { type: 'put', revision, current, isCreate, previous };
}

function previousOf(event: EventReader, key: string, revision: Revision): KeyValue | undefined {
  if (event.previous === undefined) return undefined;
  if (event.previous.key() !== key) throw badAnswer('etcd sent an event whose previous entry has another key');
  const previous = event.keep(event.previous, key);
  if (previous.modRevision < revision) return previous;
  throw badAnswer(`etcd sent an entry of revision ${previous.modRevision} as the one before revision ${revision}`);
}
