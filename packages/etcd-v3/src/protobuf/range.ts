import { StoreError } from '@holdfast/store';
import { compareBytes, type KeyRange } from '@holdfast/store/adapter';
import { badAnswer } from './bad-answer.js';
import { fieldsOf, RANGE_TAG } from './fields.js';
import { missingHeader, readHeader, type ResponseHeader } from './header.js';
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

const { header: HEADER, kvs: ENTRY, more: MORE, count: COUNT } = RANGE_TAG;
const FIELDS = fieldsOf(RANGE_TAG);

/** The bytes of the smallest entry: one with a key of one byte. */
const LEAST_ENTRY_BYTES = 3;

/** The RangeResponse in a RangeStreamResponse. */
const CHUNK = 0x0a;
/** Not valid protobuf. */
const NO_MESSAGE = Buffer.of(0xff);

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

/** The parts of a RangeResponse that was sent in chunks: any chunk may have any of them. */
export interface ChunkOutline {
  readonly buffer: Buffer;
  readonly bounds: readonly number[];
  readonly header: ResponseHeader | undefined;
  readonly more: boolean | undefined;
  readonly count: number | undefined;
}

/**
 * Finds the parts of a RangeResponse. It takes about 20 ns for an entry of any size.
 *
 * @param limit the number of entries that were asked for
 * @throws StoreError `internal` if it is not protobuf, has more entries, or holds a number past 2^53−1 (C3).
 */
export function outlineRange(buffer: Buffer, limit = Infinity): RangeOutline {
  const { header = missingHeader(), bounds, more = false, count = 0 } = outlineChunk(buffer, limit);
  return { buffer, header, bounds, more, count };
}

/** The same for a chunk of it. */
export function outlineChunk(buffer: Buffer, limit: number): ChunkOutline {
  const reader = new WireReader(buffer);
  const bounds: number[] = [];
  let header: ResponseHeader | undefined;
  let more: boolean | undefined;
  let count: number | undefined;
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
        reader.skip(tag, FIELDS);
    }
  }
  return { buffer, header, bounds, more, count };
}

/** The RangeResponse in a RangeStreamResponse. If there is none, bytes that are none: whoever looks for its parts reports that. */
export function chunkOf(message: Buffer): Buffer {
  const reader = new WireReader(message);
  let chunk: Buffer | undefined;
  try {
    while (!reader.done) {
      const tag = reader.tag();
      if (tag !== CHUNK) {
        reader.skip(tag);
        continue;
      }
      // Two would have to be merged. etcd sends one.
      if (chunk !== undefined) return NO_MESSAGE;
      const length = reader.delimited();
      chunk = message.subarray(reader.position - length, reader.position);
    }
  } catch {
    return NO_MESSAGE;
  }
  return chunk ?? NO_MESSAGE;
}
