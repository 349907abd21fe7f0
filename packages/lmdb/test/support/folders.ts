import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];

/** Where flushes cost nothing: in memory, if the system has such a place. */
export const QUICK = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A folder of a test's own, below one that {@link removeFolders} removes. The store itself makes it. */
export function newFolder({ name = 'data', on = QUICK } = {}): string {
  const above = mkdtempSync(join(on, 'holdfast-lmdb-'));
  made.push(above);
  return join(above, name);
}

export function removeFolders(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
}
