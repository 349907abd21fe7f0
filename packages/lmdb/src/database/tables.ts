import { open, type Database, type RootDatabase } from 'lmdb';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { folderGone, newerFormat, notOurs } from '../errors.js';
import { FORMAT, type StoreState } from '../data/state.js';
import { bellBytes } from './bell-file.js';
import { checkLocal, DATA_FILE } from './folder.js';
import { checkFile } from './header.js';
import { openRowTable, type RowTable } from './row-table.js';

export type Table = Database<Uint8Array, Uint8Array>;

/** All tables of a store's file. Reads within a write see what it has written. */
export interface Tables {
  readonly root: RootDatabase<Uint8Array, Uint8Array>;
  /** `format`, `state` and `marks`, as JSON. */
  readonly meta: Table;
  /** The present entries, by key. */
  readonly entries: Table;
  /** The same, for reads of many. */
  readonly rows: RowTable;
  /** Entries that were replaced or deleted since the last compaction. */
  readonly replaced: Table;
  /** What changed, by revision. */
  readonly changes: Table;
  readonly leases: Table;
  /** Which keys are attached to a lease. */
  readonly attached: Table;
  /** The leases in the order in which they expire. */
  readonly deadlines: Table;
}

const TABLES = ['meta', 'entries', 'replaced', 'changes', 'leases', 'attached', 'deadlines'] as const;
const BINARY = { encoding: 'binary', keyEncoding: 'binary' } as const;
// Address space alone: the file grows with its data. All processes must have the same, whatever their quota.
const MAP_BYTES = 2 ** 40;
const MAX_READERS = 1_024;

const META_KEYS = { format: Buffer.from('format'), state: Buffer.from('state'), marks: Buffer.from('marks') };

export interface OpenTables {
  readonly path: string;
  readonly create: boolean;
  /** Commits leave the flush of the last page to the next commit. */
  readonly noMetaSync: boolean;
  /** The state of a store that is made now. */
  readonly initial: () => StoreState;
}

/**
 * Opens the file, and makes it where there is none.
 *
 * @throws StoreError `invalid-argument` for what is no store of ours, `unsupported` for a newer format, or what LMDB throws
 */
export function openTables({ path, create, noMetaSync, initial }: OpenTables): Tables {
  if (!checkFile(path)) {
    if (!create) throw folderGone(path);
    mkdirSync(path, { recursive: true });
    checkFile(path);
  }
  checkLocal(path);
  const root = open<Uint8Array, Uint8Array>({
    path,
    // A folder whose name has a dot is a folder too.
    noSubdir: false,
    maxDbs: TABLES.length + 1,
    maxReaders: MAX_READERS,
    mapSize: MAP_BYTES,
    // LMDB's own commits: data first, then the page that names it. What is visible is flushed.
    overlappingSync: false,
    noMetaSync,
    eventTurnBatching: false,
    ...BINARY,
  });
  try {
    checkOurs(root, path);
    checkWhole(root, path);
    const tables = { root, ...openAll(root) };
    if (tables.meta.get(META_KEYS.format) === undefined) {
      root.transactionSync(() => {
        // Another process may have been faster.
        if (tables.meta.get(META_KEYS.format) !== undefined) return;
        tables.meta.putSync(META_KEYS.format, toJson({ format: FORMAT }));
        writeState(tables, initial());
      });
    }
    return tables;
  } catch (error) {
    void root.close();
    throw error;
  }
}

function openAll(root: Tables['root']): Omit<Tables, 'root'> {
  const table = (name: (typeof TABLES)[number]): Table => root.openDB<Uint8Array, Uint8Array>({ name, ...BINARY });
  return {
    meta: table('meta'),
    entries: table('entries'),
    rows: openRowTable(root, 'entries'),
    replaced: table('replaced'),
    changes: table('changes'),
    leases: table('leases'),
    attached: table('attached'),
    deadlines: table('deadlines'),
  };
}

/** Reading past the end of a file that was cut off would end the process. */
function checkWhole(root: Tables['root'], path: string): void {
  const { lastPageNumber = 0, pageSize = 0 } = root.getStats() as { lastPageNumber?: number; pageSize?: number };
  const [least, { size }] = [(lastPageNumber + 1) * pageSize, statSync(join(path, DATA_FILE))];
  if (size >= least) return;
  // Pages at the end that were taken and given back in one commit are never written: a file may end before them.
  const known = bellBytes(path);
  if (known === undefined || size < known)
    throw new Error(`MDB_CORRUPTED: it has ${size} bytes, and its pages need ${least}`);
}

/** Before anything is written: a file of another program must stay as it is. */
function checkOurs(root: Tables['root'], path: string): void {
  // LMDB keeps the names of tables with a zero byte at their end.
  const names = [...root.getKeys()].map((key) => Buffer.from(key).toString().replace(/\0$/, ''));
  if (names.length === 0) return;
  const other = names.find((name) => !(TABLES as readonly string[]).includes(name));
  if (!names.includes('meta')) throw notOurs(path, `its data.mdb has ${JSON.stringify(other)}, of another program`);
  const written = formatIn(root);
  if (written === undefined && other !== undefined) throw notOurs(path, 'its data.mdb was made by another program');
  if (written === undefined) return;
  const format = fromJson<{ readonly format?: unknown }>(written)?.format;
  if (typeof format !== 'number') throw notOurs(path, 'its data.mdb was made by another program');
  if (format > FORMAT) throw newerFormat(path, format, FORMAT);
}

function formatIn(root: Tables['root']): Uint8Array | undefined {
  try {
    return root.openDB<Uint8Array, Uint8Array>({ name: 'meta', ...BINARY }).get(META_KEYS.format);
  } catch {
    // A key of that name which is no table.
    return undefined;
  }
}

export function readState({ meta }: Tables): StoreState {
  const state = fromJson<StoreState>(meta.get(META_KEYS.state));
  if (state === undefined) throw new Error('MDB_CORRUPTED: the record of the store is missing');
  return state;
}

export function writeState({ meta }: Tables, state: StoreState): void {
  meta.putSync(META_KEYS.state, toJson(state));
}

/** When which revision was the newest: for histories that are kept for a time. */
export interface Mark {
  readonly uptimeMs: number;
  readonly head: number;
}

export function readMarks({ meta }: Tables): readonly Mark[] {
  return fromJson<readonly Mark[]>(meta.get(META_KEYS.marks)) ?? [];
}

export function writeMarks({ meta }: Tables, marks: readonly Mark[]): void {
  meta.putSync(META_KEYS.marks, toJson(marks));
}

/** How many bytes of the file hold data: pages in use, without those that are free again. */
export function usedBytes(tables: Tables): number {
  let pages = 0;
  let pageSize = 4_096;
  for (const name of TABLES) {
    const stats = tables[name].getStats() as Record<string, number>;
    pageSize = stats['pageSize'] ?? pageSize;
    pages += (stats['treeBranchPageCount'] ?? 0) + (stats['treeLeafPageCount'] ?? 0) + (stats['overflowPages'] ?? 0);
  }
  return pages * pageSize;
}

function toJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function fromJson<T>(bytes: Uint8Array | undefined): T | undefined {
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()) as T;
  } catch {
    return undefined;
  }
}
