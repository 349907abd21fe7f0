import { Buffer } from 'node:buffer';
import type { Bookmark, Clock, Revision } from '@holdfast/store';
import { Slicer } from '@holdfast/store/adapter';
import { ByteReader } from './byte-reader.js';
import { type Frame, frameAt } from './frames.js';
import { MAGIC, parseHeader, RECORD, type SnapshotHeader, type SnapshotPoint, SnapshotRefusal } from './header.js';
import { KIND, SavedRows } from './saved-rows.js';

/** A snapshot that was read: what a table was, at one revision. */
export interface Saved {
  readonly header: SnapshotHeader;
  readonly point: SnapshotPoint;
  /** The keys of the base, and those of later steps. Each live row holds for its key alone. */
  readonly rows: readonly SavedRows[];
  /** An older copy that is kept behind this one. */
  readonly kept: Uint8Array | undefined;
  /** Why the log was cut, if it was. */
  readonly cut: string | undefined;
  /** The number of bytes of the base, without what is behind it, and of the log as far as it holds. */
  readonly bytes: { readonly base: number; readonly log: number };
}

/** The bytes of a snapshot. */
export interface SavedBytes {
  readonly base: Uint8Array;
  /** The log that names the base, if there is one. */
  readonly log?: Uint8Array | undefined;
}

/** The header of a base, without a look at what follows. @throws SnapshotRefusal */
export function readHeader(base: Uint8Array): SnapshotHeader {
  return readFirst(base, MAGIC.base).header;
}

/**
 * Reads a snapshot: its base, and the steps of its log up to the first one that is torn.
 *
 * @throws SnapshotRefusal for a base that is torn, truncated, changed, or of a later format
 */
export async function readSaved({ base, log: beside }: SavedBytes, clock: Clock): Promise<Saved> {
  const slicer = new Slicer(clock);
  const { header, frame } = readFirst(base, MAGIC.base);
  const start: Bookmark = { revision: header.revision as Revision, identity: header.identity };
  const parts = new Parts({ bookmark: start, lastEvent: header.lastEvent, asOf: 0 });
  const reading = new BaseReading(base, parts);
  for (let next = frameAt(base, frame.end, frame.checksum); ; next = frameAt(base, next.end, next.checksum)) {
    if (next === undefined) throw torn(reading.isEnded, reading.end, base.length);
    await readable(() => reading.take(next, slicer));
    if (next.end === base.length) break;
  }
  if (!reading.isEnded) throw torn(false, 0, base.length);
  const log = beside ?? reading.log;
  const cut = log === undefined ? undefined : await readLog(log, header, reading.checksum, parts, slicer);
  await parts.finish(slicer);
  const { point, rows } = parts;
  return {
    header,
    point,
    rows,
    kept: reading.kept,
    cut: cut?.reason,
    bytes: { base: reading.end, log: cut?.end ?? 0 },
  };
}

function torn(isEnded: boolean, end: number, length: number): SnapshotRefusal {
  return new SnapshotRefusal(
    isEnded
      ? `${length - end} bytes behind its end are no part of it`
      : 'it is torn, truncated or changed: a checksum fails',
  );
}

/** A record whose checksum is right and that can't be read was written wrong. */
async function readable<T>(read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof RangeError) throw new SnapshotRefusal(`it can't be read: ${error.message}`);
    throw error;
  }
}

function readFirst(bytes: Uint8Array, magic: string): { readonly header: SnapshotHeader; readonly frame: Frame } {
  const { length } = magic;
  if (bytes.length < length || Buffer.from(bytes.subarray(0, length)).toString('latin1') !== magic)
    throw new SnapshotRefusal(bytes.length === 0 ? 'it is empty' : 'it does not begin as a snapshot does');
  const frame = frameAt(bytes, length, 0);
  if (frame === undefined || bytes[frame.start] !== RECORD.header)
    throw new SnapshotRefusal('its header is torn or changed: its checksum fails');
  return { header: parseHeader(Buffer.from(bytes.subarray(frame.start + 1, frame.end)).toString('utf8')), frame };
}

/** The frames of a base after its header. */
class BaseReading {
  readonly #bytes: Uint8Array;
  readonly #parts: Parts;
  isEnded = false;
  /** Where the base ends, and its checksum there. */
  end = 0;
  checksum = 0;
  kept: Uint8Array | undefined;
  log: Uint8Array | undefined;

  constructor(bytes: Uint8Array, parts: Parts) {
    this.#bytes = bytes;
    this.#parts = parts;
  }

  async take(frame: Frame, slicer: Slicer): Promise<void> {
    const reader = new ByteReader(this.#bytes, frame.start, frame.end);
    const record = reader.byte();
    if (this.isEnded) {
      const rest = this.#bytes.subarray(reader.position, frame.end);
      if (record === RECORD.kept) this.kept = rest;
      else if (record === RECORD.log) this.log = rest;
      else throw new RangeError('something that is no part of it follows its end');
      return;
    }
    if (record === RECORD.keys) await this.#parts.addKeys(this.#bytes, reader, slicer);
    else if (record === RECORD.step) await this.#parts.addStep(this.#bytes, reader, slicer);
    else if (record === RECORD.mark) this.#parts.addMark(reader);
    else if (record === RECORD.end) {
      this.#parts.addMark(reader);
      this.isEnded = true;
      this.end = frame.end;
      this.checksum = frame.checksum;
    } else throw new RangeError(`there is a record of kind ${record}`);
  }
}

/** Takes in the steps of a log. Returns where it holds to, and why it was cut there. */
async function readLog(
  log: Uint8Array,
  header: SnapshotHeader,
  checksum: number,
  parts: Parts,
  slicer: Slicer,
): Promise<{ readonly end: number; readonly reason?: string }> {
  let first: ReturnType<typeof readFirst>;
  try {
    first = readFirst(log, MAGIC.log);
  } catch {
    return { end: 0, reason: 'the beginning of the log is torn' };
  }
  if (first.header.id !== header.id) return { end: 0, reason: 'the log is of another base' };
  // It goes on from the base, byte by byte.
  let end = first.frame.end;
  let before = (first.frame.checksum ^ checksum) >>> 0;
  while (end < log.length) {
    const frame = frameAt(log, end, before);
    if (frame === undefined) return { end, reason: `${log.length - end} bytes at the end of the log are torn` };
    const reader = new ByteReader(log, frame.start, frame.end);
    const record = reader.byte();
    try {
      if (record === RECORD.step) await parts.addStep(log, reader, slicer);
      else if (record === RECORD.mark) parts.addMark(reader);
      else return { end, reason: `the log has a record of kind ${record}` };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return { end, reason: `the log has a step that can't be read: ${error.message}` };
    }
    ({ end, checksum: before } = frame);
  }
  return { end };
}

/** The rows as they come in, and which of them still hold. */
class Parts {
  point: SnapshotPoint;
  readonly rows: SavedRows[] = [];
  /** The rows of steps, by key: the last word, so far. */
  readonly #later = new Map<string, { readonly rows: SavedRows; readonly row: number }>();
  #unreadable: { readonly rows: SavedRows; readonly row: number }[] = [];

  constructor(point: SnapshotPoint) {
    this.point = point;
  }

  async addKeys(bytes: Uint8Array, reader: ByteReader, slicer: Slicer): Promise<void> {
    const rows = this.#rowsOf(bytes);
    while (!reader.isAtEnd) {
      const row = rows.length;
      rows.read(reader, this.point.bookmark.revision);
      if (rows.kinds[row] === KIND.unreadable) this.#unreadable.push({ rows, row });
      if (slicer.isDue()) await slicer.pause();
    }
  }

  /** One step: all of it, or a `RangeError` and nothing. */
  async addStep(bytes: Uint8Array, reader: ByteReader, slicer: Slicer): Promise<void> {
    const rows = this.#rowsOf(bytes);
    const first = rows.length;
    let revision: number;
    try {
      revision = reader.uint();
      if (revision < 1) throw new RangeError('a step has no revision');
      while (!reader.isAtEnd) {
        rows.read(reader, revision);
        if (slicer.isDue()) await slicer.pause();
      }
    } catch (error) {
      rows.truncate(first);
      throw error;
    }
    for (let row = first; row < rows.length; row++) {
      if (rows.void.has(row)) continue;
      const kind = rows.kinds[row];
      if (kind === KIND.noUnreadable) {
        for (const { rows: older, row: old } of this.#unreadable) older.void.add(old);
        this.#unreadable = [];
        rows.void.add(row);
      } else if (kind === KIND.unreadable) this.#unreadable.push({ rows, row });
      else this.#later.set(rows.key(row), { rows, row });
    }
    const { identity } = this.point.bookmark;
    this.point = { ...this.point, bookmark: { revision: revision as Revision, identity }, lastEvent: revision };
  }

  addMark(reader: ByteReader): void {
    const revision = reader.uint();
    const asOf = reader.uint();
    if (revision < 1) throw new RangeError('a mark has no revision');
    this.point = { ...this.point, bookmark: { ...this.point.bookmark, revision: revision as Revision }, asOf };
  }

  /** Makes void what later steps have replaced. */
  async finish(slicer: Slicer): Promise<void> {
    if (this.#later.size === 0) return;
    for (const rows of this.rows) {
      for (let row = 0; row < rows.length; row++) {
        if (rows.kinds[row] === KIND.unreadable) continue;
        const later = this.#later.get(rows.key(row));
        if (later !== undefined && (later.rows !== rows || later.row !== row)) rows.void.add(row);
        if (slicer.isDue()) await slicer.pause();
      }
    }
  }

  #rowsOf(bytes: Uint8Array): SavedRows {
    let rows = this.rows.find((each) => each.bytes === bytes);
    if (rows === undefined) this.rows.push((rows = new SavedRows(bytes, this.point.bookmark)));
    return rows;
  }
}
