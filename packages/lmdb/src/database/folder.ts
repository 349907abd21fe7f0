import { statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { folderGone, notOurs, toLmdbError } from '../errors.js';

/** Which file stands at a path now: another one after the folder was swapped. */
export interface FileId {
  readonly dev: number;
  readonly ino: number;
}

export const DATA_FILE = 'data.mdb';
export const LOCK_FILE = 'lock.mdb';
export const BELL_FILE = 'bell';

/**
 * The data file in a folder, or `undefined` where there is none.
 *
 * @throws StoreError as {@link toLmdbError}
 */
export function dataFileIn(path: string): FileId | undefined {
  return fileIn(path, DATA_FILE);
}

/** A file in a folder, or `undefined` where there is none. */
export function fileIn(path: string, name: string): FileId | undefined {
  try {
    const found = statSync(join(path, name), { throwIfNoEntry: false });
    return found === undefined ? undefined : { dev: found.dev, ino: found.ino };
  } catch (thrown) {
    throw toLmdbError(thrown, path);
  }
}

/** How long the data file is: 0 where there is none. */
export function dataBytes(path: string): number {
  return statSync(join(path, DATA_FILE), { throwIfNoEntry: false })?.size ?? 0;
}

/** @throws StoreError `unavailable` where the opened file is not in the folder any more */
export function checkStillThere(path: string, opened: FileId): void {
  const found = dataFileIn(path);
  if (found === undefined) throw folderGone(path);
  if (!isSame(found, opened)) throw folderGone(path, new Error(`another ${DATA_FILE} is in its place`));
}

export function idOf({ dev, ino }: FileId): string {
  return `${dev}:${ino}`;
}

export function isSame(a: FileId, b: FileId): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

// Memory maps of one file are not the same memory on two machines, and locks of processes are not seen: LMDB would damage its file.
const NETWORK: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x517b, 'SMB'],
  [0x01021997, '9p'],
  [0x5346414f, 'AFS'],
  [0x73757245, 'Coda'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0x47504653, 'GPFS'],
]);

/** The name of a file system that several machines may share, by its number in `statfs`. */
export function networkFileSystem(type: number): string | undefined {
  return NETWORK.get(type >>> 0);
}

/** @throws StoreError `invalid-argument` for a file system of a network */
export function checkLocal(path: string): void {
  const name = process.platform === 'linux' ? networkFileSystem(statOf(path)?.type ?? 0) : undefined;
  if (name === undefined) return;
  throw notOurs(path, `it is on a network file system (${name}), where LMDB's locks and maps don't work`);
}

/** How many bytes this user can still write. `undefined` where the system does not say. */
export function freeBytes(path: string): number | undefined {
  const found = statOf(path);
  return found === undefined ? undefined : found.bavail * found.bsize;
}

function statOf(path: string) {
  try {
    return statfsSync(path);
  } catch {
    return undefined;
  }
}
