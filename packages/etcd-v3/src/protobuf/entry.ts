import type { KeyValue, Revision } from '@holdfast/store';
import { decodeUtf8, quoted } from '@holdfast/store/adapter';
import type { IKeyValue } from 'etcd3';
import { badAnswer, safeInteger } from './bad-answer.js';
import { ENTRY_TAG, fieldsOf } from './fields.js';
import { WireReader } from './wire.js';

const {
  key: KEY,
  create_revision: CREATE,
  mod_revision: MOD,
  version: VERSION,
  value: VALUE,
  lease: LEASE,
} = ENTRY_TAG;
const FIELDS = fieldsOf(ENTRY_TAG);

/** The longest varint of 64 bits. */
const MOST_VARINT_BYTES = 10;

/** The numbers of an entry, as they were sent. Those that etcd does not send are 0. */
export interface EntryNumbers {
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  /** Decimal; `undefined` for none. */
  readonly lease: string | undefined;
}

/**
 * Reads etcd's entries, one after another, wherever they are sent: in a page, in a list, in an event. It finds the parts of each in one
 * pass, and copies none: a load needs four parts of every key.
 */
export class EntryReader implements EntryNumbers {
  readonly #reader: WireReader;
  readonly #buffer: Buffer;
  keyFrom = 0;
  keyTo = 0;
  createRevision = 0;
  modRevision = 0;
  version = 0;
  valueFrom = 0;
  valueTo = 0;
  /** Where the lease's number begins; 0 for none. */
  #leaseFrom = 0;

  constructor(buffer: Buffer) {
    this.#reader = new WireReader(buffer);
    this.#buffer = buffer;
  }

  /** Here, key and value are in the same buffer. Other entries may have two. */
  get keyBuffer(): Uint8Array {
    return this.#buffer;
  }

  get valueBuffer(): Uint8Array {
    return this.#buffer;
  }

  /**
   * Reads the entry between two positions.
   *
   * @throws StoreError `internal` if it is not protobuf, has no key, or holds a number past 2^53−1 (C3).
   */
  read(start: number, end: number): void {
    const reader = this.#reader;
    reader.position = start;
    reader.end = end;
    this.keyFrom = this.keyTo = this.createRevision = this.modRevision = this.version = 0;
    this.valueFrom = this.valueTo = this.#leaseFrom = 0;
    if (!this.#readPlain(start, end)) this.#readAny();
    if (this.keyTo === this.keyFrom) throw badAnswer('etcd sent an entry without a key');
  }

  /**
   * Reads an entry of known fields whose numbers have at most four bytes. Nearly all are so, and this takes half the time. False for any
   * other: it is to be read from its start again.
   */
  #readPlain(start: number, end: number): boolean {
    const buffer = this.#buffer;
    let at = start;
    while (at < end) {
      const tag = buffer[at++] ?? 0;
      if (tag === LEASE) {
        // Formatted only where it is asked for.
        this.#leaseFrom = at;
        const most = at + MOST_VARINT_BYTES;
        while (at < most && (buffer[at] ?? 0) >= 0x80) at += 1;
        if (at === most) return false;
        at += 1;
        continue;
      }
      let byte = buffer[at++] ?? 0;
      let number = byte & 0x7f;
      for (let shift = 7; byte >= 0x80; shift += 7) {
        if (shift === 28) return false;
        byte = buffer[at++] ?? 0;
        number |= (byte & 0x7f) << shift;
      }
      switch (tag) {
        case KEY:
          this.keyFrom = at;
          this.keyTo = at += number;
          break;
        case CREATE:
          this.createRevision = number;
          break;
        case MOD:
          this.modRevision = number;
          break;
        case VERSION:
          this.version = number;
          break;
        case VALUE:
          this.valueFrom = at;
          this.valueTo = at += number;
          break;
        default:
          return false;
      }
    }
    return at === end;
  }

  #readAny(): void {
    const reader = this.#reader;
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
          this.createRevision = reader.int64();
          break;
        case MOD:
          this.modRevision = reader.int64();
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
        case LEASE:
          // Formatted only where it is asked for.
          this.#leaseFrom = reader.position;
          reader.skip(tag);
          break;
        default:
          reader.skip(tag, FIELDS);
      }
    }
  }

  get lease(): string | undefined {
    if (this.#leaseFrom === 0) return undefined;
    this.#reader.position = this.#leaseFrom;
    const lease = this.#reader.int64String();
    return lease === '0' ? undefined : lease;
  }

  /** A view of the key's bytes. */
  get rawKey(): Uint8Array {
    return this.#view(this.keyFrom, this.keyTo);
  }

  /** A view of the value's bytes: a copy is needed where it is kept for longer than its message. */
  get value(): Uint8Array {
    return this.#view(this.valueFrom, this.valueTo);
  }

  /** @param known how many of its first bytes are known to be ASCII */
  hasAsciiKey(known = 0): boolean {
    const buffer = this.#buffer;
    const end = this.keyTo;
    for (let i = this.keyFrom + known; i < end; i += 1) if ((buffer[i] ?? 0) >= 0x80) return false;
    return true;
  }

  /** The text of a key that is known to be UTF-8. Nearly all keys are short and ASCII: for those, a decoder costs more than all else. */
  keyText(isAscii: boolean): string {
    return this.#buffer.toString(isAscii ? 'latin1' : 'utf8', this.keyFrom, this.keyTo);
  }

  /** The key as text, or as a view of its bytes where it is not UTF-8 (C1). */
  key(): string | Uint8Array {
    if (this.hasAsciiKey()) return this.keyText(true);
    const { rawKey } = this;
    return decodeUtf8(rawKey) ?? rawKey;
  }

  // The contract promises plain Uint8Arrays, not Buffers.
  #view(from: number, to: number): Uint8Array {
    const { buffer, byteOffset } = this.#buffer;
    return new Uint8Array(buffer, byteOffset + from, to - from);
  }
}

/** An entry as callers get it, with this key and value. @throws StoreError `internal` if no etcd has such an entry */
export function toKeyValue(key: string, value: Uint8Array, entry: EntryNumbers): KeyValue {
  checkNumbers(entry);
  const { version, lease } = entry;
  const createRevision = entry.createRevision as Revision;
  const modRevision = entry.modRevision as Revision;
  if (lease === undefined) return { key, value, createRevision, modRevision, version };
  if (lease.startsWith('-')) throw badAnswer(`etcd sent ${lease} as the lease of key ${quoted(key)}`);
  return { key, value, createRevision, modRevision, version, lease };
}

/** Whether these can be an entry's: each counts from 1. @throws StoreError `internal` */
export function checkNumbers({ createRevision, modRevision, version }: Omit<EntryNumbers, 'lease'>): void {
  if (createRevision > 0 && modRevision > 0 && version > 0) return;
  throw badAnswer(
    `etcd sent an entry with create revision ${createRevision}, mod revision ${modRevision} and version ${version}`,
  );
}

/** An entry as `etcd3`'s definitions decode it; `undefined` if the key is not UTF-8 (C1). */
export function fromProtoEntry(entry: IKeyValue): KeyValue | undefined {
  const key = decodeUtf8(entry.key);
  if (key === undefined) return undefined;
  const { buffer, byteOffset, byteLength } = entry.value;
  // Copied, because protobufjs returns a view of the whole message.
  const value = new Uint8Array(buffer, byteOffset, byteLength).slice();
  return toKeyValue(key, value, protoNumbers(entry));
}

/** The numbers of an entry as `etcd3`'s definitions decode it. */
export function protoNumbers({ create_revision, mod_revision, version, lease }: IKeyValue): EntryNumbers {
  return {
    createRevision: safeInteger(create_revision),
    modRevision: safeInteger(mod_revision),
    version: safeInteger(version),
    lease: lease === '0' ? undefined : lease,
  };
}
