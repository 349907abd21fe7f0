import { toRevision, type KeyValue, type Revision, type UndecodableKey, type WatchEvent } from '@holdfast/store';
import type { RawEvent, RawKeyValue } from '../protobuf/watch.js';

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

/**
 * Groups events by revision. The server never splits a revision over two complete responses, but a fragment may end in the middle of
 * one. So the last group stays open until a response after which no fragment follows.
 */
export class RevisionAssembler {
  #open: RevisionGroup | undefined;

  /** Adds an event of `size` encoded bytes. If it begins another revision, gives the group that is complete now. */
  add(event: RawEvent, size: number): RevisionGroup | undefined {
    const revision = toRevision(event.entry.modRevision);
    let completed: RevisionGroup | undefined;
    if (this.#open?.revision !== revision) {
      completed = this.#open;
      this.#open = { revision, events: [], undecodable: [], bytes: 0 };
    }
    this.#open.bytes += size + EVENT_OVERHEAD_BYTES;
    const { key } = event.entry;
    if (typeof key === 'string') this.#open.events.push(toWatchEvent(event, key, revision));
    // Copied: it may be kept for long, and must not keep the whole message.
    else this.#open.undecodable.push({ rawKey: key.slice(), revision, deleted: event.type === 'delete' });
    return completed;
  }

  /** Gives the last group, when no more of it can come. */
  flush(): RevisionGroup | undefined {
    const completed = this.#open;
    this.#open = undefined;
    return completed;
  }
}

function toWatchEvent(event: RawEvent, key: string, revision: Revision): WatchEvent {
  const previous = event.previous === undefined ? undefined : toKeyValue(event.previous, key);
  if (event.type === 'delete') {
    return previous === undefined ? { type: 'delete', revision, key } : { type: 'delete', revision, key, previous };
  }
  const current = toKeyValue(event.entry, key);
  const isCreate = current.createRevision === current.modRevision;
  return previous === undefined
    ? { type: 'put', revision, current, isCreate }
    : { type: 'put', revision, current, isCreate, previous };
}

function toKeyValue(raw: RawKeyValue, key: string): KeyValue {
  const { value, version, lease } = raw;
  const createRevision = toRevision(raw.createRevision);
  const modRevision = toRevision(raw.modRevision);
  return lease === undefined
    ? { key, value, createRevision, modRevision, version }
    : { key, value, createRevision, modRevision, version, lease };
}
