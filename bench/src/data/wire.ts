// Protobuf by hand, as little of it as the floors and the digests need. It shares no code with what is measured, so that
// a wrong digest can't hide behind a shared mistake.

export interface WireEntry {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly modRevision: number;
}

export interface WireEvent extends WireEntry {
  readonly type: 'put' | 'delete';
}

export function encodeRange(prefix: string, options: { readonly limit?: number } = {}): Buffer {
  const key = Buffer.from(prefix);
  return Buffer.concat([bytesField(1, key), bytesField(2, endOf(key)), numberField(3, options.limit ?? 0)]);
}

export function encodePut(key: string, value: string): Buffer {
  return Buffer.concat([bytesField(1, Buffer.from(key)), bytesField(2, Buffer.from(value))]);
}

/** A transaction of puts: one revision. */
export function encodePuts(entries: readonly (readonly [key: string, value: string])[]): Buffer {
  return Buffer.concat(entries.map(([key, value]) => bytesField(2, bytesField(2, encodePut(key, value)))));
}

/** Grants a lease with this id. */
export function encodeGrant(id: number, seconds: number): Buffer {
  return Buffer.concat([numberField(1, seconds), numberField(2, id)]);
}

export function encodeDelete(key: string): Buffer {
  return bytesField(1, Buffer.from(key));
}

/**
 * The transaction by which Go's `concurrency.Mutex` takes a lock: if the key is not there, it is put under the lease, and otherwise read; in either
 * case the oldest key of the queue is read, which is the holder's.
 */
export function encodeLock(name: string, key: string, lease: number): Buffer {
  const queue = Buffer.from(`${name}/`);
  const byCreation = [numberField(5, 1), numberField(6, 2)];
  const oldest = [bytesField(1, queue), bytesField(2, endOf(queue)), numberField(3, 1), ...byCreation];
  const range = (...fields: readonly Buffer[]): Buffer => bytesField(1, Buffer.concat(fields));
  const isNew = Buffer.concat([numberField(2, 1), bytesField(3, Buffer.from(key))]);
  const put = bytesField(2, Buffer.concat([bytesField(1, Buffer.from(key)), numberField(3, lease)]));
  return Buffer.concat([
    bytesField(1, isNew),
    bytesField(2, put),
    bytesField(2, range(...oldest)),
    bytesField(3, range(bytesField(1, Buffer.from(key)))),
    bytesField(3, range(...oldest)),
  ]);
}

/** A WatchRequest that creates a watch of a prefix. */
export function encodeWatch(prefix: string, startRevision: number): Buffer {
  const key = Buffer.from(prefix);
  return bytesField(1, Buffer.concat([bytesField(1, key), bytesField(2, endOf(key)), numberField(3, startRevision)]));
}

/** The revision in the header of any response. */
export function headerRevision(message: Buffer): number {
  const response = new Fields(message);
  while (response.next()) {
    if (response.number !== 1) continue;
    const header = new Fields(response.body());
    while (header.next()) if (header.number === 3) return header.value;
  }
  return 0;
}

export function rangeEntries(message: Buffer): WireEntry[] {
  const entries: WireEntry[] = [];
  const response = new Fields(message);
  while (response.next()) if (response.number === 2) entries.push(entryOf(response.body()));
  return entries;
}

/** The number of events in a WatchResponse. */
export function countEvents(message: Buffer): number {
  let count = 0;
  const response = new Fields(message);
  while (response.next()) if (response.number === 11) count += 1;
  return count;
}

export function watchEvents(message: Buffer): WireEvent[] {
  const events: WireEvent[] = [];
  const response = new Fields(message);
  while (response.next()) {
    if (response.number !== 11) continue;
    let type: WireEvent['type'] = 'put';
    const event = new Fields(response.body());
    while (event.next()) {
      if (event.number === 1 && event.value === 1) type = 'delete';
      else if (event.number === 2) events.push({ type, ...entryOf(event.body()) });
    }
  }
  return events;
}

function entryOf(message: Buffer): WireEntry {
  let key: Buffer = NOTHING;
  let value: Buffer = NOTHING;
  let modRevision = 0;
  const entry = new Fields(message);
  while (entry.next()) {
    if (entry.number === 1) key = entry.body();
    else if (entry.number === 3) modRevision = entry.value;
    else if (entry.number === 5) value = entry.body();
  }
  return { key, value, modRevision };
}

const NOTHING = Buffer.alloc(0);

/** Walks through the fields of a message that has none but numbers and bytes. */
class Fields {
  number = 0;
  /** The value of a number, or the number of bytes. */
  value = 0;
  readonly #message: Buffer;
  #at = 0;
  #start = 0;

  constructor(message: Buffer) {
    this.#message = message;
  }

  next(): boolean {
    if (this.#at >= this.#message.length) return false;
    const tag = this.#varint();
    this.value = this.#varint();
    this.number = tag >>> 3;
    this.#start = this.#at;
    if ((tag & 7) === 2) this.#at += this.value;
    return true;
  }

  body(): Buffer {
    return this.#message.subarray(this.#start, this.#at);
  }

  #varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#message[this.#at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }
}

function numberField(number: number, value: number): Buffer {
  return value === 0 ? NOTHING : Buffer.concat([varint(number * 8), varint(value)]);
}

function bytesField(number: number, body: Buffer): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(body.length), body]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return Buffer.from([...bytes, value]);
}

/** The end of a prefix that does not end in 0xff. */
function endOf(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return end;
}
