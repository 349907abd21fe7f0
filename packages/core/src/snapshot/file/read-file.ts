import { readHeader, type SavedBytes } from '../read-saved.js';
import type { FileSystem } from './file-system.js';
import { logPath } from './paths.js';

/** A writer may replace base and log between the two reads; that many times in a row it does not. */
const MOST_ATTEMPTS = 5;

/** The base at a path and its log. Needs no lock. `undefined` where there is none. */
export async function readSnapshotFile(files: FileSystem, path: string): Promise<SavedBytes | undefined> {
  for (let attempt = 1; ; attempt++) {
    const before = await files.stat(path);
    const base = await files.read(path);
    if (base === undefined) return undefined;
    const log = await readLog(files, path, base);
    const after = await files.stat(path);
    if (before?.id === after?.id || attempt === MOST_ATTEMPTS) return { base, log };
  }
}

async function readLog(files: FileSystem, path: string, base: Uint8Array): Promise<Uint8Array | undefined> {
  try {
    return await files.read(logPath(path, readHeader(base).id));
  } catch {
    // A base that can't be read has no log. Whoever reads it finds out why.
    return undefined;
  }
}
