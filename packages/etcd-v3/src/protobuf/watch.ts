import { CopyPool, decodeUtf8 } from '@holdfast/store/adapter';
import { badAnswer } from './bad-answer.js';
import { ENTRY_TAG, EVENT_TAG, fieldsOf, RESPONSE_TAG } from './fields.js';
import { NO_HEADER, readRawHeader, type RawHeader } from './header.js';
import { WireReader, WireWriter } from './wire.js';

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

const NOTHING = new Uint8Array(0);
const END = Uint8Array.of(0); // as a range's end: no upper bound

const RESPONSE_FIELDS = fieldsOf(RESPONSE_TAG);
const EVENT_FIELDS = fieldsOf(EVENT_TAG);
const ENTRY_FIELDS = fieldsOf(ENTRY_TAG);

const { event: EVENT } = RESPONSE_TAG;
const { type: TYPE, entry: ENTRY, previous: PREVIOUS } = EVENT_TAG;
const { key: KEY, create: CREATE, mod: MOD, version: VERSION, value: VALUE, lease: LEASE } = ENTRY_TAG;

// The numbers of requests' fields and of enums: api/etcdserverpb/rpc.proto.
const FILTER = { put: 1, delete: 0 } as const; // "only puts" is NODELETE, "only deletes" is NOPUT

export function encodeCreate(request: CreateRequest): Uint8Array {
  const body = new WireWriter()
    .bytes(1, request.key)
    .bytes(2, request.rangeEnd === 'end' ? END : (request.rangeEnd ?? NOTHING))
    .uint(3, request.startRevision)
    .boolean(4, request.progressNotify);
  // Repeated enums are packed; NOPUT is 0, so that a plain `uint` would leave it out.
  if (request.only !== undefined) body.message(5, Uint8Array.of(FILTER[request.only]));
  body.boolean(6, request.previous);
  return new WireWriter().message(1, body.finish()).finish();
}

export function encodeCancel(watchId: number): Uint8Array {
  return new WireWriter().message(2, new WireWriter().uint(1, watchId).finish()).finish();
}

export function encodeProgressRequest(): Uint8Array {
  return new WireWriter().message(3, new Uint8Array(0)).finish();
}

/** One WatchResponse, its events still encoded. */
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
  /** Where the events are; `undefined` if there are none. */
  readonly events: EventReader | undefined;
}

/**
 * Reads a response up to its events, so that it takes no longer for a message of 54 MB. etcd writes fields in the order of
 * their numbers, which are highest for events.
 *
 * @throws StoreError `internal` where it is not protobuf, or holds an integer past 2^53−1.
 */
export function decodeWatchResponse(buffer: Buffer): WatchResponse {
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
        events = new EventReader(buffer, start);
        break;
      case RESPONSE_TAG.header:
        header = readRawHeader(reader);
        break;
      case RESPONSE_TAG.watchId:
        watchId = reader.int64();
        break;
      case RESPONSE_TAG.created:
        created = reader.boolean();
        break;
      case RESPONSE_TAG.canceled:
        canceled = reader.boolean();
        break;
      case RESPONSE_TAG.compactRevision:
        compactRevision = reader.int64();
        break;
      case RESPONSE_TAG.cancelReason: {
        const length = reader.delimited();
        cancelReason = buffer.toString('utf8', reader.position - length, reader.position);
        break;
      }
      case RESPONSE_TAG.fragment:
        fragment = reader.boolean();
        break;
      default:
        reader.skip(tag, RESPONSE_FIELDS);
    }
  }
  return { header, watchId, created, canceled, compactRevision, cancelReason, fragment, events };
}

/** An entry as the wire has it. A key that is not UTF-8 is a view of the message's buffer. */
export interface RawKeyValue {
  /** Bytes where it is not UTF-8. */
  readonly key: string | Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly value: Uint8Array;
  /** Decimal; `undefined` for none. */
  readonly lease: string | undefined;
}

export interface RawEvent {
  readonly type: 'put' | 'delete';
  readonly entry: RawKeyValue;
  readonly previous: RawKeyValue | undefined;
}

/** Decodes the events of a response one by one. */
export class EventReader {
  readonly #reader: WireReader;
  readonly #values = new CopyPool(VALUES_BYTES);
  #size = 0;

  constructor(buffer: Buffer, start: number) {
    this.#reader = new WireReader(buffer, start);
  }

  /** How many bytes the last event took. */
  get size(): number {
    return this.#size;
  }

  /**
   * The next event, or `undefined` after the last one.
   *
   * @throws StoreError `internal` where it is not protobuf, or holds a revision past 2^53−1 (C3).
   */
  next(): RawEvent | undefined {
    const reader = this.#reader;
    while (!reader.done) {
      const tag = reader.tag();
      if (tag === EVENT) {
        const outer = reader.descend();
        this.#size = reader.end - reader.position;
        const event = decodeEvent(reader, this.#values);
        reader.ascend(outer);
        return event;
      }
      // A field that would have had to be known before the events were looked at.
      if (tag < EVENT) throw badAnswer('etcd sent a watch response with fields after its events');
      reader.skip(tag, RESPONSE_FIELDS);
    }
    return undefined;
  }
}

function decodeEvent(reader: WireReader, values: CopyPool): RawEvent {
  let type: RawEvent['type'] = 'put';
  let entry: RawKeyValue | undefined;
  let previous: RawKeyValue | undefined;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === TYPE) type = typeOf(reader.int64());
    else if (tag === ENTRY) entry = decodeKeyValue(reader, values);
    else if (tag === PREVIOUS) previous = decodeKeyValue(reader, values);
    else reader.skip(tag, EVENT_FIELDS);
  }
  if (entry === undefined || entry.key.length === 0)
    throw badAnswer('etcd sent an event without an entry, or without a key');
  return { type, entry, previous };
}

function typeOf(type: number): RawEvent['type'] {
  if (type === 0) return 'put';
  if (type === 1) return 'delete';
  throw badAnswer(`etcd sent an event of a type ${type}, which is not known here`);
}

function decodeKeyValue(reader: WireReader, values: CopyPool): RawKeyValue {
  const outer = reader.descend();
  let key: string | Uint8Array = '';
  let value: Uint8Array = NOTHING;
  let createRevision = 0;
  let modRevision = 0;
  let version = 0;
  let lease: string | undefined;
  while (!reader.done) {
    const tag = reader.tag();
    switch (tag) {
      case KEY:
        key = text(reader);
        break;
      case CREATE:
        createRevision = reader.int64();
        break;
      case MOD:
        modRevision = reader.int64();
        break;
      case VERSION:
        version = reader.int64();
        break;
      case VALUE: {
        const length = reader.delimited();
        value = values.copyOf(reader.buffer, reader.position - length, reader.position);
        break;
      }
      case LEASE:
        lease = reader.int64String();
        break;
      default:
        reader.skip(tag, ENTRY_FIELDS);
    }
  }
  reader.ascend(outer);
  return { key, createRevision, modRevision, version, value, lease: lease === '0' ? undefined : lease };
}

// Nearly all keys are short and ASCII: those need no decoder, which costs more than the rest of an event.
function text(reader: WireReader): string | Uint8Array {
  const length = reader.delimited();
  const { buffer, position: end } = reader;
  for (let i = end - length; i < end; i++) {
    if ((buffer[i] ?? 0) < 0x80) continue;
    const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset + end - length, length);
    return decodeUtf8(bytes) ?? bytes;
  }
  return buffer.toString('latin1', end - length, end);
}
