import { type Bookmark, StoreError } from '@holdfast/store';
import { decodeUtf8, quoted } from '@holdfast/store/adapter';

/** The format of the record that is written. */
const FORMAT = 1;

/** How far a replication came. */
export interface Progress {
  /** The target holds everything of the source up to this bookmark. */
  readonly bookmark?: Bookmark | undefined;
  /** How many keys the source had under the prefix at that bookmark: a restored source shows by it. */
  readonly keys?: number | undefined;
  /** The target holds parts of what leads there: the first copy, or a step that needs several transactions. */
  readonly toward?: Bookmark | undefined;
}

/** A replication's record in the target. */
export interface ReplicationRecord extends Progress {
  readonly name: string;
  readonly prefix: string;
  readonly targetPrefix: string;
  /** The replicator that wrote it: random, of one call of `replicate()`. */
  readonly writer: string;
  /** Counts the transactions of this record. */
  readonly sequence: number;
  /** When that replicator began, in milliseconds since the epoch. */
  readonly since: number;
  /** Where a migration stands. */
  readonly migration?: unknown;
}

export function progressOf({ bookmark, keys, toward }: ReplicationRecord): Progress {
  return { bookmark, keys, toward };
}

/** What a commit changes of the record's note on a migration: nothing, if it has none. */
export function noted(migration: unknown): { readonly migration?: unknown } {
  return migration === undefined ? {} : { migration };
}

export function formatRecord(record: ReplicationRecord): string {
  return JSON.stringify({ format: FORMAT, ...record });
}

/** @throws StoreError `conflict` for anything but a record of the same replication */
export function parseRecord(
  key: string,
  value: Uint8Array,
  own: Pick<ReplicationRecord, 'prefix' | 'targetPrefix'>,
): ReplicationRecord {
  const record = toRecord(value);
  if (record === undefined) {
    throw refused(`${quoted(key)} in the target is no record of a replication; give another recordKey`);
  }
  if (record.format > FORMAT) {
    throw refused(`the record ${quoted(key)} has format ${record.format}; update Holdfast to go on with it`);
  }
  const { prefix, targetPrefix } = record;
  if (prefix !== own.prefix || targetPrefix !== own.targetPrefix) {
    throw refused(
      `the record ${quoted(key)} is of a replication of ${quoted(prefix)} to ${quoted(targetPrefix)}, not of ` +
        `${quoted(own.prefix)} to ${quoted(own.targetPrefix)}; give another name`,
    );
  }
  return record;
}

function toRecord(value: Uint8Array): (ReplicationRecord & { readonly format: number }) | undefined {
  let given: Partial<ReplicationRecord> & { readonly format?: unknown };
  try {
    given = JSON.parse(decodeUtf8(value) ?? '') as typeof given;
  } catch {
    return undefined;
  }
  if (typeof given !== 'object' || (given as object | null) === null) return undefined;
  const { format, prefix, targetPrefix, writer, sequence } = given;
  const isWhole =
    [format, sequence].every((each) => Number.isSafeInteger(each)) &&
    [prefix, targetPrefix, writer].every((each) => typeof each === 'string') &&
    [given.bookmark, given.toward].every(isBookmark);
  return isWhole ? (given as ReplicationRecord & { readonly format: number }) : undefined;
}

function isBookmark(given: unknown): boolean {
  if (given === undefined) return true;
  if (typeof given !== 'object' || given === null) return false;
  const { revision, identity } = given as Partial<Bookmark>;
  return Number.isSafeInteger(revision) && typeof identity === 'string';
}

function refused(message: string): StoreError {
  return new StoreError('conflict', message, { outcome: 'not-applied' });
}
