import type { Bookmark } from '@holdfast/store';

/** The first bytes of every base and log. */
export const MAGIC = { base: 'HOLDFAST SNAPSHOT\n', log: 'HOLDFAST SNAPSHOT LOG\n' } as const;

/** The version of the format that is written. Later ones are refused. */
export const FORMAT = 1;

/** What a snapshot is of. */
export interface SnapshotSource {
  /** The name of the store: the option `snapshotName`, or its endpoints. */
  readonly store: string;
  /** The whole prefix, that of views included; absent in the snapshot of one key. */
  readonly prefix?: string;
  /** The whole key, in the snapshot of one key. */
  readonly key?: string;
}

/** The first record of a base. */
export interface SnapshotHeader extends SnapshotSource {
  readonly format: number;
  /** Random, of this base. Its log names it. */
  readonly id: string;
  readonly identity: string;
  /** The highest raft term that was seen, if there is one. */
  readonly raftTerm?: number;
  /** Where the table was when the base was begun. */
  readonly revision: number;
  /** The revision of the last change, as far as it is known. */
  readonly lastEvent: number;
  /** When it was begun, in milliseconds since the epoch. */
  readonly written: number;
}

/** What is known at the end of a base or of a step in the log. */
export interface SnapshotPoint {
  readonly bookmark: Bookmark;
  readonly lastEvent: number;
  /** The mirror was complete as of then, in milliseconds since the epoch. */
  readonly asOf: number;
}

/** The kinds of records. */
export const RECORD = {
  header: 1,
  /** Keys of a base. */
  keys: 2,
  /** All changes of one step. */
  step: 3,
  /** The mirror is complete as of a time, at a revision. */
  mark: 4,
  /** The end of a base: without it there is none. */
  end: 5,
  /** An older whole copy, behind the end of this one. */
  kept: 6,
  /** The log of this base, behind its end. */
  log: 7,
} as const;

/** Why a snapshot is not used. */
export class SnapshotRefusal extends Error {
  override readonly name = 'SnapshotRefusal';
}

/** @throws SnapshotRefusal */
export function parseHeader(text: string): SnapshotHeader {
  let given: Partial<Record<keyof SnapshotHeader, unknown>>;
  try {
    given = JSON.parse(text) as typeof given;
  } catch {
    throw new SnapshotRefusal('its header is no JSON');
  }
  if (typeof given.format === 'number' && given.format > FORMAT) throw newer(given.format);
  const { store, identity, id, revision, lastEvent, written, format } = given;
  const isWhole =
    [store, identity, id].every((value) => typeof value === 'string') &&
    [revision, lastEvent, written, format].every((value) => Number.isSafeInteger(value)) &&
    (typeof given.prefix === 'string') !== (typeof given.key === 'string') &&
    (given.raftTerm === undefined || Number.isSafeInteger(given.raftTerm));
  if (!isWhole) throw new SnapshotRefusal('its header lacks what every snapshot has');
  return given as unknown as SnapshotHeader;
}

function newer(format: number): SnapshotRefusal {
  return new SnapshotRefusal(
    `it has format ${format}, which a later version of Holdfast wrote; this one reads up to ${FORMAT}`,
  );
}

/** Why a snapshot is not of this source; `undefined` if it is. */
export function foreignReason(header: SnapshotHeader, source: SnapshotSource): string | undefined {
  if (header.store !== source.store) {
    return `it is of the store ${JSON.stringify(header.store)}, not of ${JSON.stringify(source.store)}; set snapshotName where a store's endpoints may change`;
  }
  const of = describeRange(header);
  const wanted = describeRange(source);
  return of === wanted ? undefined : `it is of ${of}, not of ${wanted}`;
}

export function describeRange({ prefix, key }: SnapshotSource): string {
  return key === undefined ? `the prefix ${JSON.stringify(prefix)}` : `the key ${JSON.stringify(key)}`;
}
