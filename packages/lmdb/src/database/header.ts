import { accessSync, closeSync, constants, existsSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { emptied, notOurs } from '../errors.js';
import { DATA_FILE, LOCK_FILE } from './folder.js';

// The package `lmdb` may end the process where LMDB refuses a file. So what LMDB would refuse is found out before.
// An LMDB file of its version begins with two pages that say where everything is. In each, after 24 bytes of a page's own: a magic number, a
// version, and, further on, the size of pages.
const MAGIC_AT = 24;
const VERSION_AT = 28;
const PAGE_SIZE_AT = 48;
const OLDER_MAGIC_AT = 16;
const MAGIC = 0xbeefc0de;
const VERSION = 2;
const COMMIT_AT = 152;
const HEAD_BYTES = 160;
const MAKING_MS = 1_000;

/**
 * Whether there is a file, after a look at what LMDB will ask of it.
 *
 * @throws StoreError `invalid-argument` for a file that is not LMDB's, or of another version; `internal` for one that was cut off; and what the
 *   system says of rights
 */
export function checkFile(path: string): boolean {
  const folder = statSync(path, { throwIfNoEntry: false });
  if (folder === undefined) return false;
  if (!folder.isDirectory()) throw notOurs(path, 'it is a file, not a folder');
  accessSync(path, constants.R_OK | constants.X_OK);
  const file = join(path, DATA_FILE);
  const lock = join(path, LOCK_FILE);
  if (existsSync(lock)) accessSync(lock, constants.R_OK | constants.W_OK);
  else accessSync(path, constants.W_OK);
  if (!existsSync(file)) {
    accessSync(path, constants.W_OK);
    return false;
  }
  accessSync(file, constants.R_OK | constants.W_OK);
  if (isEmptied(file)) throw emptied(path);
  checkHeads(path, file);
  return true;
}

function checkHeads(path: string, file: string): void {
  const opened = openSync(file, 'r');
  try {
    const first = readHead(opened, 0);
    if (first.length === HEAD_BYTES && first.readUInt32LE(OLDER_MAGIC_AT) === MAGIC) {
      throw notOurs(path, 'its data.mdb was made by another version of LMDB, for another program');
    }
    const pageSize = isHead(first) ? first.readUInt32LE(PAGE_SIZE_AT) : 0;
    if (pageSize === 0) throw notOurs(path, 'its data.mdb is no LMDB file, or is damaged at its beginning');
    if (first.readUInt16LE(VERSION_AT) !== VERSION) {
      throw notOurs(path, 'its data.mdb was made by another version of LMDB');
    }
    if (!isHead(readHead(opened, pageSize))) throw new Error('MDB_CORRUPTED: its second page is not one of LMDB');
  } finally {
    closeSync(opened);
  }
}

/** The number of the newest commit in the file: each one writes it into the older of the first two pages. */
export function newestCommit(path: string): number {
  const opened = openSync(join(path, DATA_FILE), 'r');
  try {
    const first = readHead(opened, 0);
    const second = readHead(opened, first.readUInt32LE(PAGE_SIZE_AT));
    return Math.max(...[first, second].map((head) => Number(head.readBigUInt64LE(COMMIT_AT))));
  } finally {
    closeSync(opened);
  }
}

function readHead(file: number, at: number): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES);
  return bytes.subarray(0, readSync(file, bytes, 0, HEAD_BYTES, at));
}

function isHead(bytes: Buffer): boolean {
  return bytes.length === HEAD_BYTES && bytes.readUInt32LE(MAGIC_AT) === MAGIC;
}

/** Another process may be about to make it: it has a moment for that. */
function isEmptied(file: string): boolean {
  const sleeping = new Int32Array(new SharedArrayBuffer(4));
  for (let look = 0; look < MAKING_MS / 10; look++) {
    if (statSync(file, { throwIfNoEntry: false })?.size !== 0) return false;
    Atomics.wait(sleeping, 0, 0, 10);
  }
  return true;
}
