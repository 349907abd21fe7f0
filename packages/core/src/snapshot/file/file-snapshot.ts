import { Buffer } from 'node:buffer';
import { dirname, resolve } from 'node:path';
import { checkMs, checkNames, invalidArgument, Slicer, systemClock, textOf } from '@holdfast/store/adapter';
import { frameAt, Framer } from '../frames.js';
import { MAGIC, RECORD } from '../header.js';
import { FILE, type OwnPlace } from '../keeper.js';
import type { SnapshotStore } from '../snapshot-store.js';
import { FileKeeper } from './file-keeper.js';
import { checkFiles, type FileSystem } from './file-system.js';
import { temporaryPath } from './paths.js';
import { readSnapshotFile } from './read-file.js';

export interface FileSnapshotOptions {
  /** The most milliseconds that the file may be older than the mirror, once it was saved for the first time. Default: 5,000. */
  readonly saveAfterMs?: number | undefined;
  /** Where the file is, if not in the file system of this machine: such as one in memory, for tests. */
  readonly files?: FileSystem | undefined;
}

/**
 * Keeps the last known good copy of a mirror in a file: `mirror(store, { …, snapshot: fileSnapshot('/var/lib/app/config.snapshot') })`. Beside
 * it are its log, the mark of the process that writes, and older snapshots that were kept. One process writes at a time; any number of them
 * may name the same file. Only its user may read it.
 *
 * @throws StoreError `invalid-argument`
 */
export function fileSnapshot(path: string, options: FileSnapshotOptions = {}): SnapshotStore {
  if (typeof (path as unknown) !== 'string' || path === '' || path.includes('\0'))
    throw invalidArgument(`fileSnapshot() takes the path of a file, not ${textOf(path)}`);
  const { saveAfterMs, files } = checkNames(options, ['saveAfterMs', 'files'], 'fileSnapshot()');
  const ms = saveAfterMs === undefined ? undefined : checkMs(saveAfterMs, 'saveAfterMs');
  return snapshotIn(checkFiles(files), resolve(path), ms);
}

/** The same in any file system. */
export function snapshotIn(files: FileSystem, path: string, saveAfterMs?: number): SnapshotStore {
  const place: OwnPlace = {
    where: path,
    read: () => readSnapshotFile(files, path),
    keeper: (context) => new FileKeeper(files, path, context, saveAfterMs),
  };
  const store: SnapshotStore & { readonly [FILE]: OwnPlace } = {
    [FILE]: place,
    load: async () => {
      const there = await readSnapshotFile(files, path);
      return there?.log === undefined ? there?.base : withLog(there.base, there.log);
    },
    save: async (bytes) => {
      await replace(files, path, bytes);
    },
  };
  return store;
}

/** A whole copy: the log behind the end of its base. */
async function withLog(base: Uint8Array, log: Uint8Array): Promise<Uint8Array> {
  const slicer = new Slicer(systemClock, 1);
  let checksum = 0;
  let position = MAGIC.base.length;
  while (position < base.length) {
    const frame = frameAt(base, position, checksum);
    if (frame === undefined) return base;
    ({ end: position, checksum } = frame);
    if (slicer.isDue()) await slicer.pause();
  }
  return Buffer.concat([base, new Framer(checksum).frame(Buffer.concat([Uint8Array.of(RECORD.log), log]))]);
}

async function replace(files: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  await files.makeFolder(dirname(path));
  const temporary = temporaryPath(path, crypto.randomUUID().replaceAll('-', '').slice(0, 16));
  try {
    const file = await files.create(temporary, false);
    try {
      await file.write(bytes, 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await files.rename(temporary, path);
  } catch (error) {
    await files.remove(temporary).catch(() => undefined);
    throw error;
  }
  await files.syncFolder(dirname(path));
}
