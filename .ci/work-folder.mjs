// Where the checks of the packed packages work: in memory where the system has room for it. npm unpacks each tarball of a project two or three
// times, and on a disk the thousands of small files that come and go are most of what an installation costs.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const GIB = 2 ** 30;

/** Linux keeps what is in it in memory. */
const memory = '/dev/shm';

/** Makes an empty folder whose name begins with this. The caller removes it. */
export function workFolder(name) {
  return inMemory(name) ?? mkdtempSync(join(tmpdir(), name));
}

function inMemory(name) {
  try {
    accessSync(memory, constants.W_OK);
    const { bavail, bsize } = statfsSync(memory);
    if (bavail * bsize < 4 * GIB) return undefined;
    const folder = mkdtempSync(join(memory, name));
    if (runsPrograms(folder)) return folder;
    rmSync(folder, { recursive: true });
    return undefined;
  } catch {
    return undefined;
  }
}

/** Containers often mount it so that no program in it may run; packages bring programs. */
function runsPrograms(folder) {
  const program = join(folder, 'program');
  writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 });
  const { status } = spawnSync(program);
  rmSync(program);
  return status === 0;
}

/** Has every npm that this process starts unpack within this folder. What it has downloaded stays where it is for all. */
export function unpackWithin(folder) {
  const shared = join(process.env.npm_config_cache ?? join(homedir(), '.npm'), '_cacache');
  const own = join(folder, 'npm-cache');
  mkdirSync(join(own, '_cacache'), { recursive: true });
  for (const part of ['content-v2', 'index-v5']) {
    mkdirSync(join(shared, part), { recursive: true });
    symlinkSync(join(shared, part), join(own, '_cacache', part));
  }
  process.env.npm_config_cache = own;
}
