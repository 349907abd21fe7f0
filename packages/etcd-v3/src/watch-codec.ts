import { decodeUtf8, StoreError } from '@holdfast/store';
import { WireReader, WireWriter } from './watch-wire.js';

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

// Numbers of etcd's fields and enums: api/etcdserverpb/rpc.proto and api/mvccpb/kv.proto.
const FILTER = { put: 1, delete: 0 } as const; // "only puts" is NODELETE, "only deletes" is NOPUT
const END = Uint8Array.of(0); // as a range's end: no upper bound

export function encodeCreate(request: CreateRequest): Uint8Array {
  const body = new WireWriter()
    .bytes(1, request.key)
    .bytes(2, request.rangeEnd === 'end' ? END : (request.rangeEnd ?? new Uint8Array(0)))
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

export interface ResponseHeader {
  /** Decimal; `'0'` where a proxy does not tell. */
  readonly clusterId: string;
  /** The answering member's head, or what `ETCD-FACTS` says of it; 0 in a cancellation. */
  readonly revision: number;
  readonly raftTerm: number;
}

/** One WatchResponse, its events still encoded: `events` has the start and the end of each, in `buffer`. */
export interface WatchResponse {
  readonly header: ResponseHeader;
  /** −1 where the answer is about no watch, or about all of the stream. */
  readonly watchId: number;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compactRevision: number;
  readonly cancelReason: string;
  /** More of the same revision follows. */
  readonly fragment: boolean;
  readonly buffer: Buffer;
  readonly events: readonly number[];
}

const NO_HEADER: ResponseHeader = { clusterId: '0', revision: 0, raftTerm: 0 };

/**
 * Reads all of a response but its events, which are only found: a message of 54 MB costs a few milliseconds here.
 *
 * @throws StoreError `internal` where it is not protobuf, or holds an integer past 2^53−1.
 */
export function decodeWatchResponse(buffer: Buffer): WatchResponse {
  const reader = new WireReader(buffer);
  const events: number[] = [];
  const fields = { header: NO_HEADER, watchId: 0, created: false, canceled: false };
  const rest = { compactRevision: 0, cancelReason: '', fragment: false };
  while (!reader.done) {
    const tag = reader.tag();
    switch (tag) {
      case 0x5a: {
        const length = reader.delimited();
        events.push(reader.position - length, reader.position);
        break;
      }
      case 0x0a: {
        const length = reader.delimited();
        fields.header = decodeHeader(new WireReader(buffer, reader.position - length, reader.position));
        break;
      }
      case 0x10:
        fields.watchId = reader.int64();
        break;
      case 0x18:
        fields.created = reader.boolean();
        break;
      case 0x20:
        fields.canceled = reader.boolean();
        break;
      case 0x28:
        rest.compactRevision = reader.int64();
        break;
      case 0x32: {
        const length = reader.delimited();
        rest.cancelReason = buffer.toString('utf8', reader.position - length, reader.position);
        break;
      }
      case 0x38:
        rest.fragment = reader.boolean();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { ...fields, ...rest, buffer, events };
}

function decodeHeader(reader: WireReader): ResponseHeader {
  let clusterId = '0';
  let revision = 0;
  let raftTerm = 0;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === 0x08) clusterId = reader.uint64String();
    else if (tag === 0x18) revision = reader.int64();
    else if (tag === 0x20) raftTerm = reader.int64();
    else reader.skip(tag);
  }
  return { clusterId, revision, raftTerm };
}

/** An entry as the wire has it. Its value, and a key that is not UTF-8, are views of the message's buffer. */
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

/** @throws StoreError `internal` where it is not protobuf, or holds a revision past 2^53−1 (C3). */
export function decodeEvent(buffer: Buffer, start: number, end: number): RawEvent {
  const reader = new WireReader(buffer, start, end);
  let type: RawEvent['type'] = 'put';
  let entry: RawKeyValue | undefined;
  let previous: RawKeyValue | undefined;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === 0x08) type = reader.int64() === 1 ? 'delete' : 'put';
    else if (tag === 0x12) {
      const length = reader.delimited();
      entry = decodeKeyValue(buffer, reader.position - length, reader.position);
    } else if (tag === 0x1a) {
      const length = reader.delimited();
      previous = decodeKeyValue(buffer, reader.position - length, reader.position);
    } else reader.skip(tag);
  }
  if (entry === undefined) throw new StoreError('internal', 'etcd sent an event without an entry');
  return { type, entry, previous };
}

function decodeKeyValue(buffer: Buffer, start: number, end: number): RawKeyValue {
  const reader = new WireReader(buffer, start, end);
  let key: string | Uint8Array = '';
  let value: Uint8Array = NOTHING;
  let createRevision = 0;
  let modRevision = 0;
  let version = 0;
  let lease: string | undefined;
  while (!reader.done) {
    const tag = reader.tag();
    switch (tag) {
      case 0x0a:
        key = text(reader);
        break;
      case 0x10:
        createRevision = reader.int64();
        break;
      case 0x18:
        modRevision = reader.int64();
        break;
      case 0x20:
        version = reader.int64();
        break;
      case 0x2a:
        value = view(reader);
        break;
      case 0x30:
        lease = reader.int64String();
        break;
      default:
        reader.skip(tag);
    }
  }
  return { key, createRevision, modRevision, version, value, lease: lease === '0' ? undefined : lease };
}

const NOTHING = new Uint8Array(0);

// A plain Uint8Array rather than a Buffer: what the contract promises, and nothing that depends on Node's class.
function view(reader: WireReader): Uint8Array {
  const length = reader.delimited();
  const { buffer, byteOffset } = reader.buffer;
  return new Uint8Array(buffer, byteOffset + reader.position - length, length);
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
