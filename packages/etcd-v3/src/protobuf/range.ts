import { quoted } from '@holdfast/store/adapter';
import { StoreError, type KeyValue, type LeaseId, type Revision } from '@holdfast/store';
import { compareBytes, decodeUtf8, type KeyRange } from '@holdfast/store/adapter';
import type { IKeyValue, IResponseHeader } from 'etcd3';
import { badAnswer, serverRevision } from './bad-answer.js';
import { ENTRY_TAG, fieldsOf, RANGE_TAG } from './fields.js';
import { checkHeader, missingHeader, readHeader, type ResponseHeader } from './header.js';
import { WireReader } from './wire.js';

/** A RangeResponse whose entries are found but not decoded yet. */
export interface RangeOutline {
  readonly buffer: Buffer;
  readonly header: ResponseHeader;
  /** The start and the end of each entry in the buffer, alternating. */
  readonly bounds: readonly number[];
  readonly more: boolean;
  readonly count: number;
}

const { header: HEADER, entry: ENTRY, more: MORE, count: COUNT } = RANGE_TAG;
const { key: KEY, create: CREATE, mod: MOD, version: VERSION, value: VALUE, lease: LEASE } = ENTRY_TAG;

const RANGE_FIELDS = fieldsOf(RANGE_TAG);
const CURSOR_FIELDS = fieldsOf({ KEY, CREATE, MOD, VERSION, VALUE });
/** Of an entry whose key is known. */
const UNNAMED_FIELDS = fieldsOf({ CREATE, MOD, VERSION, VALUE, LEASE });

/** The bytes of the smallest entry: one with a key of one byte. */
const LEAST_ENTRY_BYTES = 3;

/** etcd's code for "no upper bound". */
const NO_END = Buffer.of(0);

/** A range in etcd's terms. Without `range_end`, a single key. */
export interface RangeBounds {
  readonly key: Buffer;
  readonly range_end?: Buffer;
}

/**
 * The only place that translates a range into etcd's terms. It also refuses an end that is not after its start: etcd reads the bounds
 * `\0`, `\0` as everything, so a delete of nothing would delete all keys (docs/traps.md#trap-19).
 *
 * @throws StoreError `internal`, `not-applied`
 */
export function rangeBounds(range: KeyRange): RangeBounds {
  const { start, end } = range;
  if (start.length === 0 || (end !== undefined && compareBytes(start, end) >= 0)) {
    throw new StoreError('internal', `${range.toString()} holds no key, and was not sent; please report this`, {
      outcome: 'not-applied',
    });
  }
  const key = asBuffer(start);
  if (range.key !== undefined) return { key };
  return { key, range_end: end === undefined ? NO_END : asBuffer(end) };
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Finds the parts of a RangeResponse. It takes about 20 ns for an entry of any size.
 *
 * @param limit the number of entries that were asked for
 * @throws StoreError `internal` if it is not protobuf, has more entries, or holds a number past 2^53−1 (C3).
 */
export function outlineRange(buffer: Buffer, limit = Infinity): RangeOutline {
  const reader = new WireReader(buffer);
  const bounds: number[] = [];
  let header: ResponseHeader | undefined;
  let more = false;
  let count = 0;
  while (!reader.done) {
    const tag = reader.tag();
    switch (tag) {
      case ENTRY: {
        const length = reader.delimited();
        // Checked before they are recorded: a million empty entries fit in two megabytes, and would take sixteen here.
        if (length < LEAST_ENTRY_BYTES) throw badAnswer('etcd sent an entry without a key');
        if (bounds.length >= 2 * limit) throw badAnswer(`etcd sent more entries than the ${limit} that were asked for`);
        bounds.push(reader.position - length, reader.position);
        break;
      }
      case HEADER:
        header = readHeader(reader);
        break;
      case MORE:
        more = reader.boolean();
        break;
      case COUNT:
        count = reader.int64();
        break;
      default:
        reader.skip(tag, RANGE_FIELDS);
    }
  }
  return { buffer, header: header ?? missingHeader(), bounds, more, count };
}

/** The bounds of an entry's key in the buffer. etcd writes the key first. */
export function keyBounds(buffer: Buffer, start: number, end: number): { readonly from: number; readonly to: number } {
  const reader = new WireReader(buffer, start, end);
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === KEY) {
      const length = reader.delimited();
      return { from: reader.position - length, to: reader.position };
    }
    reader.skip(tag);
  }
  throw badAnswer('etcd sent an entry without a key');
}

/**
 * Reads the parts of one entry after another, in one pass over each: a load needs four parts of every key. Numbers that etcd does not send
 * are 0.
 */
export class EntryCursor {
  readonly #reader: WireReader;
  /** Here, key and value are in the same buffer. Other pages may have two. */
  readonly keyBuffer: Uint8Array;
  readonly valueBuffer: Uint8Array;
  keyFrom = 0;
  keyTo = 0;
  create = 0;
  mod = 0;
  version = 0;
  valueFrom = 0;
  valueTo = 0;

  constructor(buffer: Buffer) {
    this.#reader = new WireReader(buffer);
    this.keyBuffer = this.valueBuffer = buffer;
  }

  /** @throws StoreError `internal` if it is not protobuf, has no key, or holds a number past 2^53−1 (C3). */
  read(start: number, end: number): void {
    const reader = this.#reader;
    reader.position = start;
    reader.end = end;
    this.keyFrom = this.keyTo = this.create = this.mod = this.version = this.valueFrom = this.valueTo = 0;
    while (!reader.done) {
      const tag = reader.tag();
      switch (tag) {
        case KEY: {
          const length = reader.delimited();
          this.keyTo = reader.position;
          this.keyFrom = reader.position - length;
          break;
        }
        case CREATE:
          this.create = reader.int64();
          break;
        case MOD:
          this.mod = reader.int64();
          break;
        case VERSION:
          this.version = reader.int64();
          break;
        case VALUE: {
          const length = reader.delimited();
          this.valueTo = reader.position;
          this.valueFrom = reader.position - length;
          break;
        }
        default:
          reader.skip(tag, CURSOR_FIELDS);
      }
    }
    if (this.keyTo === this.keyFrom) throw badAnswer('etcd sent an entry without a key');
  }
}

/** A whole entry, whose key is known. The value is a copy, so that it does not keep its page in memory. */
export function decodeEntry(buffer: Buffer, start: number, end: number, key: string): KeyValue {
  const reader = new WireReader(buffer, start, end);
  let value: Uint8Array = NOTHING;
  let create = 0;
  let mod = 0;
  let version = 0;
  let lease = '0';
  while (!reader.done) {
    const tag = reader.tag();
    switch (tag) {
      case CREATE:
        create = reader.int64();
        break;
      case MOD:
        mod = reader.int64();
        break;
      case VERSION:
        version = reader.int64();
        break;
      case VALUE:
        value = readView(reader).slice();
        break;
      case LEASE:
        lease = reader.int64String();
        break;
      default:
        reader.skip(tag, UNNAMED_FIELDS);
    }
  }
  return keyValue(key, value, create, mod, version, lease);
}

/** An entry as `etcd3`'s definitions decode it; `undefined` if the key is not UTF-8 (C1). */
export function fromProtoEntry(entry: IKeyValue): KeyValue | undefined {
  const key = decodeUtf8(entry.key);
  if (key === undefined) return undefined;
  const { create_revision: create, mod_revision: mod, version, lease } = entry;
  // Copied, because protobufjs returns a view of the whole message.
  const value = Uint8Array.prototype.slice.call(plainView(entry.value));
  return keyValue(key, value, safeInteger(create), safeInteger(mod), safeInteger(version), lease);
}

/** @throws StoreError `internal` if the header is missing, although the typings require it, or has values that etcd never sends. */
export function fromProtoHeader(header: IResponseHeader | null | undefined): ResponseHeader {
  if (header === undefined || header === null) return missingHeader();
  return checkHeader({
    clusterId: header.cluster_id,
    revision: serverRevision(safeInteger(header.revision), 'the revision of an answer'),
    raftTerm: safeInteger(header.raft_term),
  });
}

/** A decimal string as a number, exactly (C3). */
export function safeInteger(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw badAnswer(`etcd sent the integer ${text}, past 2^53-1: it can't be used exactly`);
}

function keyValue(
  key: string,
  value: Uint8Array,
  create: number,
  mod: number,
  version: number,
  lease: LeaseId,
): KeyValue {
  checkNumbers(create, mod, version);
  const entry = { key, value, createRevision: create as Revision, modRevision: mod as Revision, version };
  if (lease.startsWith('-')) throw badAnswer(`etcd sent ${lease} as the lease of key ${quoted(key)}`);
  return lease === '0' ? entry : { ...entry, lease };
}

/** Whether these can be an entry's: each counts from 1. @throws StoreError `internal` */
export function checkNumbers(create: number, mod: number, version: number): void {
  if (create > 0 && mod > 0 && version > 0) return;
  throw badAnswer(`etcd sent an entry with create revision ${create}, mod revision ${mod} and version ${version}`);
}

const NOTHING = new Uint8Array(0);

// The contract promises plain Uint8Arrays, not Buffers.
function readView(reader: WireReader): Uint8Array {
  const length = reader.delimited();
  const { buffer, byteOffset } = reader.buffer;
  return new Uint8Array(buffer, byteOffset + reader.position - length, length);
}

function plainView(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
