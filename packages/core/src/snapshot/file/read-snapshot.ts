import { Buffer } from 'node:buffer';
import { resolve } from 'node:path';
import { type Bookmark, type Revision, StoreError } from '@holdfast/store';
import { compareKeys, messageOf, systemClock } from '@holdfast/store/adapter';
import { SnapshotRefusal } from '../header.js';
import { readHeader, readSaved, type Saved } from '../read-saved.js';
import { KIND, type SavedRows } from '../saved-rows.js';
import type { FileSnapshotOptions } from './file-snapshot.js';
import { checkFiles, type FileSystem } from './file-system.js';
import { readSnapshotFile } from './read-file.js';

/** What a snapshot says of itself. Times are in milliseconds since the epoch. */
export interface SnapshotFacts {
  /** The name of the store: its endpoints, or the mirror's option `snapshotName`. */
  readonly store: string;
  /** The whole prefix, that of views included; absent where it is of one key. */
  readonly prefix?: string;
  /** The one key. */
  readonly key?: string;
  /** Up to where it has everything. */
  readonly bookmark: Bookmark;
  /** The mirror was complete as of then. */
  readonly asOf: number;
  /** The revision of the last change. */
  readonly lastEvent: number;
  /** The highest raft term that was seen, where the store has one. */
  readonly raftTerm?: number;
  /** When its base was begun. */
  readonly written: number;
  readonly format: number;
  /** The number of bytes of its base, and of its log as far as that holds. */
  readonly bytes: { readonly base: number; readonly log: number };
}

/** A key as a mirror shows it that starts from the snapshot. */
export interface SnapshotEntry {
  /** The whole key. */
  readonly key: string;
  readonly value: Uint8Array;
  readonly modRevision: Revision;
  readonly createRevision: Revision;
  readonly version?: number;
}

/** A key that the mirror could not show as it was in the store. */
export interface SnapshotProblem {
  /** The whole key; absent where it is not UTF-8. */
  readonly key?: string;
  readonly rawKey?: Uint8Array;
  readonly reason: string;
  /** The revision of the bad value. */
  readonly revision: Revision;
  /** Since when the key is bad, in milliseconds since the epoch. */
  readonly since: number;
  /** The bad value, where the key is good. The last good one, if there is any, is among the entries. */
  readonly value?: Uint8Array;
}

/** What is in a snapshot file. */
export interface SnapshotContent {
  /** Why mirrors refuse it: it is torn, changed or unreadable, or of a later format. There are no entries then. */
  readonly reason?: string;
  /** Absent where not even the header can be read. */
  readonly header?: SnapshotFacts;
  /** In the order of their keys. */
  readonly entries: readonly SnapshotEntry[];
  readonly problems: readonly SnapshotProblem[];
  /** Keys in the range that belonged to none of the mirror's collections. Their values are not in the snapshot. */
  readonly unclaimed: readonly string[];
  /** Why the log of the last changes ends early, if it does. */
  readonly cut?: string;
}

/**
 * Reads a snapshot file, as it is. Whether it fits a mirror, by its store's name and its prefix, is for who reads it.
 *
 * @throws StoreError `not-found` where there is no such file
 */
export async function readSnapshot(
  path: string,
  options: Pick<FileSnapshotOptions, 'files'> = {},
): Promise<SnapshotContent> {
  return readSnapshotIn(checkFiles(options.files), resolve(path));
}

/** The same in any file system. */
export async function readSnapshotIn(files: FileSystem, path: string): Promise<SnapshotContent> {
  let saved: Saved;
  let base: Uint8Array | undefined;
  try {
    const there = await readSnapshotFile(files, path);
    if (there === undefined) throw new StoreError('not-found', `there is no snapshot at ${path}`);
    ({ base } = there);
    saved = await readSaved(there, systemClock);
  } catch (error) {
    if (error instanceof StoreError) throw error;
    const reason = error instanceof SnapshotRefusal ? error.message : `it could not be read: ${messageOf(error)}`;
    return { reason, ...headerIn(base), entries: [], problems: [], unclaimed: [] };
  }
  return { header: factsOf(saved), ...contentOf(saved), ...(saved.cut === undefined ? {} : { cut: saved.cut }) };
}

function factsOf({ header, point, bytes }: Saved): SnapshotFacts {
  const { store, prefix, key, raftTerm, written, format } = header;
  return {
    store,
    ...(prefix === undefined ? {} : { prefix }),
    ...(key === undefined ? {} : { key }),
    ...point,
    ...(raftTerm === undefined ? {} : { raftTerm }),
    ...{ written, format, bytes },
  };
}

/** What the header alone says of a snapshot that is refused. */
function headerIn(base: Uint8Array | undefined): { readonly header?: SnapshotFacts } {
  try {
    if (base === undefined) return {};
    const header = readHeader(base);
    const { identity, revision, lastEvent } = header;
    const point = { bookmark: { revision: revision as Revision, identity }, asOf: 0, lastEvent };
    const bytes = { base: base.length, log: 0 };
    return { header: factsOf({ header, point, bytes, rows: [], kept: undefined, cut: undefined }) };
  } catch {
    return {};
  }
}

function contentOf({ header, rows: all }: Saved): Pick<SnapshotContent, 'entries' | 'problems' | 'unclaimed'> {
  const entries: SnapshotEntry[] = [];
  const problems: SnapshotProblem[] = [];
  const unclaimed: string[] = [];
  for (const rows of all) {
    for (let row = 0; row < rows.length; row++) {
      const kind = rows.kinds[row];
      if (rows.void.has(row) || kind === KIND.gone) continue;
      const key = (header.prefix ?? '') + rows.key(row);
      const { lastGood, since = 0, reason, rawKey } = rows.details.get(row) ?? {};
      const revision = rows.modRevision(row);
      if (kind === KIND.unreadable)
        problems.push({
          rawKey: copy(rawKey ?? new Uint8Array()),
          reason: 'the key is not valid UTF-8',
          revision,
          since,
        });
      else if (kind === KIND.unclaimed) unclaimed.push(key);
      else if (reason === undefined) entries.push(entryAt(rows, row, wholeKey(header, key)));
      else {
        problems.push({ key: wholeKey(header, key), reason, revision, since, value: copy(rows.value(row)) });
        if (lastGood !== undefined) entries.push(entryAt(rows, lastGood, wholeKey(header, key)));
      }
    }
  }
  entries.sort((a, b) => compareKeys(a.key, b.key));
  return { entries, problems, unclaimed };
}

/** A mirror of one key has that key in its rows as the view knows it. */
function wholeKey({ key: only }: Saved['header'], key: string): string {
  return only ?? key;
}

function entryAt(rows: SavedRows, row: number, key: string): SnapshotEntry {
  const version = rows.version(row);
  return {
    ...{ key, value: copy(rows.value(row)) },
    ...{ modRevision: rows.modRevision(row), createRevision: rows.createRevision(row) },
    ...(version === undefined ? {} : { version }),
  };
}

function copy(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}
