import type { KeyValue } from '@holdfast/store';
import { CopyPool } from '@holdfast/store/adapter';
import { badAnswer } from './bad-answer.js';
import { EntryReader, toKeyValue } from './entry.js';
import { EVENT_TAG, fieldsOf, RESPONSE_TAG } from './fields.js';
import { NO_HEADER, readRawHeader, type RawHeader } from './header.js';
import { encodeMessage } from './message-codec.js';
import { type Cut, WireReader } from './wire.js';

/** etcd's WatchCreateRequest. etcd chooses the watch's id: it says so in its answer, and answers in order. */
export interface CreateRequest {
  readonly key: Uint8Array;
  /** Exclusive. `undefined` for the one key, `'end'` for everything from `key` on. */
  readonly rangeEnd: Uint8Array | 'end' | undefined;
  /** Inclusive. */
  readonly startRevision: number;
  readonly previous: boolean;
  readonly only: 'put' | 'delete' | undefined;
  /** Tell progress from time to time while the range is idle. */
  readonly progressNotify: boolean;
}

/** The most memory that one kept value may hold, in bytes. */
const VALUES_BYTES = 16 * 1024;

const END = Uint8Array.of(0); // as a range's end: no upper bound

const RESPONSE_FIELDS = fieldsOf(RESPONSE_TAG);
const EVENT_FIELDS = fieldsOf(EVENT_TAG);

const {
  header: HEADER,
  watch_id: WATCH_ID,
  created: CREATED,
  canceled: CANCELED,
  compact_revision: COMPACT_REVISION,
  cancel_reason: CANCEL_REASON,
  fragment: FRAGMENT,
  events: EVENT,
} = RESPONSE_TAG;
const { type: TYPE, kv: ENTRY, prev_kv: PREVIOUS } = EVENT_TAG;

/** The filter that leaves only these. */
const FILTER = { put: 'Nodelete', delete: 'Noput' } as const;

export function encodeCreate(request: CreateRequest): Buffer {
  const { key, rangeEnd, startRevision, previous, only, progressNotify } = request;
  return encodeRequest({
    create_request: {
      key,
      range_end: rangeEnd === 'end' ? END : rangeEnd,
      start_revision: startRevision,
      progress_notify: progressNotify,
      filters: only === undefined ? [] : [FILTER[only]],
      prev_kv: previous,
    },
  });
}

export function encodeCancel(watchId: number): Buffer {
  return encodeRequest({ cancel_request: { watch_id: watchId } });
}

export function encodeProgressRequest(): Buffer {
  return encodeRequest({ progress_request: {} });
}

function encodeRequest(request: object): Buffer {
  return encodeMessage('etcdserverpb.WatchRequest', request);
}

/** One WatchResponse, or a part of one, its events still encoded. */
export interface WatchResponse {
  readonly header: RawHeader;
  /** −1 where the answer is about no watch, or about all of the stream. */
  readonly watchId: number;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compactRevision: number;
  readonly cancelReason: string;
  /** More of the same revision follows. */
  readonly fragment: boolean;
  /** More of the same revision may follow: in another response, or in the next part of this one. */
  readonly more: boolean;
  /** Where the events are; `undefined` if there are none. */
  readonly events: EventReader | undefined;
}

/**
 * Reads a response up to its events, so that it takes no longer for a message of 54 MB. etcd writes fields in the order of
 * their numbers, which are highest for events.
 *
 * @param goesOn whether this is only its first part, up to some event
 * @throws StoreError `internal` where it is not protobuf, or holds an integer past 2^53−1.
 */
export function decodeWatchResponse(buffer: Buffer, goesOn = false): WatchResponse {
  const reader = new WireReader(buffer);
  let header = NO_HEADER;
  let watchId = 0;
  let created = false;
  let canceled = false;
  let compactRevision = 0;
  let cancelReason = '';
  let fragment = false;
  let events: EventReader | undefined;
  while (!reader.done && events === undefined) {
    const start = reader.position;
    const tag = reader.tag();
    switch (tag) {
      case EVENT:
        reader.position = start;
        events = new EventReader(reader);
        break;
      case HEADER:
        header = readRawHeader(reader);
        break;
      case WATCH_ID:
        watchId = reader.int64();
        break;
      case CREATED:
        created = reader.boolean();
        break;
      case CANCELED:
        canceled = reader.boolean();
        break;
      case COMPACT_REVISION:
        compactRevision = reader.int64();
        break;
      case CANCEL_REASON: {
        const length = reader.delimited();
        cancelReason = buffer.toString('utf8', reader.position - length, reader.position);
        break;
      }
      case FRAGMENT:
        fragment = reader.boolean();
        break;
      default:
        reader.skip(tag, RESPONSE_FIELDS);
    }
  }
  const more = fragment || goesOn;
  return { header, watchId, created, canceled, compactRevision, cancelReason, fragment, more, events };
}

/** The next part of a response: it has nothing but events. */
export function nextPartOf(response: WatchResponse, buffer: Buffer, goesOn: boolean): WatchResponse {
  const more = response.fragment || goesOn;
  return { ...response, more, events: new EventReader(new WireReader(buffer)) };
}

/** Where the first bytes of a response may be cut: after the last event that is whole in them. */
export const afterEvents: Cut = (bytes) => {
  const reader = new WireReader(bytes);
  let end = 0;
  try {
    while (!reader.done) {
      const tag = reader.tag();
      if (tag !== EVENT) {
        reader.skip(tag);
        continue;
      }
      const eventEnd = reader.delimitedEnd();
      if (eventEnd > bytes.length) return { end, wanted: eventEnd };
      reader.position = end = eventEnd;
    }
  } catch {
    // Cut short, or not protobuf, which its decoder reports.
  }
  return { end, wanted: 2 * bytes.length };
};

/**
 * Reads the events of a response one by one. The current event is described by the reader's own fields, until the next one: there may be a
 * million.
 */
export class EventReader {
  readonly #reader: WireReader;
  readonly #values = new CopyPool(VALUES_BYTES);
  #before: EntryReader | undefined;
  type: 'put' | 'delete' = 'put';
  /** What is there since the event; of a delete, only the key and its revision. */
  readonly entry: EntryReader;
  /** What was there before, if it was sent. */
  previous: EntryReader | undefined;
  /** How many bytes the event took. */
  size = 0;

  /** @param reader of the response, before its first event; nobody else uses it any more */
  constructor(reader: WireReader) {
    this.#reader = reader;
    this.entry = new EntryReader(reader.buffer);
  }

  /**
   * Goes to the next event. False after the last one.
   *
   * @throws StoreError `internal` where it is not protobuf, or holds a revision past 2^53−1 (C3).
   */
  next(): boolean {
    const reader = this.#reader;
    while (!reader.done) {
      const tag = reader.tag();
      if (tag === EVENT) {
        const outer = reader.descend();
        this.size = reader.end - reader.position;
        this.#read();
        reader.ascend(outer);
        return true;
      }
      // A field that would have had to be known before the events were looked at.
      if (tag < EVENT) throw badAnswer('etcd sent a watch response with fields after its events');
      reader.skip(tag, RESPONSE_FIELDS);
    }
    return false;
  }

  /** One of the event's entries as callers keep it: with a copy of the value. @throws StoreError `internal` if no etcd has such an entry */
  keep(entry: EntryReader, key: string): KeyValue {
    return toKeyValue(key, this.#values.copyOf(this.#reader.buffer, entry.valueFrom, entry.valueTo), entry);
  }

  #read(): void {
    const reader = this.#reader;
    let hasEntry = false;
    this.type = 'put';
    this.previous = undefined;
    while (!reader.done) {
      const tag = reader.tag();
      if (tag === TYPE) this.type = typeOf(reader.int64());
      else if (tag === ENTRY) {
        hasEntry = true;
        this.#readEntry(this.entry);
      } else if (tag === PREVIOUS) {
        this.previous = this.#before ??= new EntryReader(reader.buffer);
        this.#readEntry(this.previous);
      } else reader.skip(tag, EVENT_FIELDS);
    }
    if (!hasEntry) throw badAnswer('etcd sent an event without an entry');
  }

  #readEntry(entry: EntryReader): void {
    const length = this.#reader.delimited();
    const end = this.#reader.position;
    entry.read(end - length, end);
  }
}

function typeOf(type: number): EventReader['type'] {
  if (type === 0) return 'put';
  if (type === 1) return 'delete';
  throw badAnswer(`etcd sent an event of a type ${type}, which is not known here`);
}
