import type { Bookmark, Page, Revision, UndecodableKey } from '@holdfast/store';
import type { ByteReader } from './byte-reader.js';

/** What a row says of its key. */
export const KIND = {
  gone: 0,
  good: 1,
  bad: 2,
  badAfterGood: 3,
  /** Nobody had read it; what comes after it is the last good version, or was thought to be. */
  uncheckedAfterGood: 4,
  unclaimed: 5,
  unreadable: 6,
  /** Before all unreadable keys of a step. */
  noUnreadable: 7,
} as const;

/** The key is not only ASCII. */
export const WIDE_KEY = 0x80;

/** What a few rows have beside the others. */
export interface RowDetails {
  /** Index of the row of the last good version. */
  readonly lastGood?: number;
  readonly since?: number;
  readonly reason?: string;
  readonly digest?: number;
  readonly rawKey?: Uint8Array;
}

/**
 * Keys of a snapshot, as rows over its bytes: so that of a large lazy mirror nothing is made before somebody reads it. Rows of later
 * steps make those of earlier ones void.
 */
export class SavedRows implements Page {
  readonly bookmark: Bookmark;
  readonly more = false;
  readonly undecodable: readonly UndecodableKey[] = [];
  readonly kinds: number[] = [];
  readonly details = new Map<number, RowDetails>();
  /** The rows that no longer hold. */
  readonly void = new Set<number>();
  readonly bytes: Uint8Array;
  readonly #keys: string[] = [];
  readonly #starts: number[] = [];
  readonly #lengths: number[] = [];
  readonly #modRevisions: number[] = [];
  readonly #createRevisions: number[] = [];
  readonly #versions: number[] = [];

  constructor(bytes: Uint8Array, bookmark: Bookmark) {
    this.bytes = bytes;
    this.bookmark = bookmark;
  }

  get length(): number {
    return this.kinds.length;
  }

  get total(): number {
    return this.kinds.length;
  }

  get retainedBytes(): number {
    return this.bytes.byteLength;
  }

  /** As it is in the snapshot: without the prefix. */
  key(index: number): string {
    return this.#keys[index] ?? '';
  }

  value(index: number): Uint8Array {
    const start = this.#starts[index] ?? 0;
    return this.bytes.subarray(start, start + (this.#lengths[index] ?? 0));
  }

  modRevision(index: number): Revision {
    return this.#modRevisions[index] as Revision;
  }

  createRevision(index: number): Revision {
    return this.#createRevisions[index] as Revision;
  }

  version(index: number): number | undefined {
    const version = this.#versions[index] ?? 0;
    return version === 0 ? undefined : version - 1;
  }

  /**
   * Reads the next key.
   *
   * @param reference the revision that others are told relative to
   * @throws RangeError for a record that can't be
   */
  read(reader: ByteReader, reference: number): void {
    const first = reader.byte();
    const kind = first & 0x7f;
    if (kind > KIND.noUnreadable) throw new RangeError(`there are no records of kind ${kind}`);
    if (kind === KIND.noUnreadable) {
      this.#add(kind, '');
      return;
    }
    const length = reader.uint();
    const start = reader.skip(length);
    if (kind === KIND.unreadable) {
      const rawKey = reader.bytes.subarray(start, start + length);
      const row = this.#add(kind, '');
      this.#modRevisions[row] = revisionFrom(reader, reference);
      this.details.set(row, { rawKey, since: reader.uint() });
      return;
    }
    const { bytes } = reader;
    const isWide = (first & WIDE_KEY) !== 0;
    const row = this.#add(kind, bytes.toString(isWide ? 'utf8' : 'latin1', start, start + length));
    if (kind === KIND.gone) return;
    if (kind === KIND.unclaimed) {
      this.#modRevisions[row] = revisionFrom(reader, reference);
      this.details.set(row, { digest: reader.double() });
      return;
    }
    this.#readVersion(row, reader, reference);
    if (kind === KIND.good) return;
    const bad = kind === KIND.uncheckedAfterGood ? undefined : { since: reader.uint(), reason: reader.text() };
    let lastGood: number | undefined;
    if (kind !== KIND.bad) {
      lastGood = this.#add(KIND.good, this.key(row));
      this.void.add(lastGood);
      this.#readVersion(lastGood, reader, reference);
    }
    this.details.set(row, { ...bad, ...(lastGood === undefined ? {} : { lastGood }) });
  }

  /** Forgets the rows from one on. */
  truncate(length: number): void {
    const columns = [
      this.#keys,
      this.#starts,
      this.#lengths,
      this.#modRevisions,
      this.#createRevisions,
      this.#versions,
    ];
    for (const column of [this.kinds, ...columns]) column.length = length;
    for (const row of this.details.keys()) if (row >= length) this.details.delete(row);
    for (const row of this.void) if (row >= length) this.void.delete(row);
  }

  #readVersion(row: number, reader: ByteReader, reference: number): void {
    const modRevision = revisionFrom(reader, reference);
    this.#modRevisions[row] = modRevision;
    this.#createRevisions[row] = revisionFrom(reader, modRevision);
    this.#versions[row] = reader.uint();
    const length = reader.uint();
    this.#starts[row] = reader.skip(length);
    this.#lengths[row] = length;
  }

  #add(kind: number, key: string): number {
    this.#keys.push(key);
    this.#starts.push(0);
    this.#lengths.push(0);
    this.#modRevisions.push(0);
    this.#createRevisions.push(0);
    this.#versions.push(0);
    return this.kinds.push(kind) - 1;
  }
}

function revisionFrom(reader: ByteReader, reference: number): number {
  const revision = reference - reader.int();
  if (!Number.isSafeInteger(revision) || revision < 1) throw new RangeError(`${revision} is no revision`);
  return revision;
}
