import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { PostgresBinary } from './postgres-binary.js';

const run = promisify(execFile);

// PostgreSQL refuses to run as root: there it runs as `nobody`.
const NOBODY = 65_534;

/** Who runs the server, for `spawn`: somebody else than root. */
export function serverUser(): { readonly uid?: number; readonly gid?: number } {
  return process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
}

/** Gives a folder to who runs the server. */
export function giveAway(folder: string): void {
  const { uid, gid } = serverUser();
  if (uid === undefined || gid === undefined) return;
  chownSync(folder, uid, gid);
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (lstatSync(path).isDirectory()) giveAway(path);
    else if (!lstatSync(path).isSymbolicLink()) chownSync(path, uid, gid);
  }
}

/** A folder in the temporary folder that the processes of this user share. */
function shared(): string {
  const folder = join(tmpdir(), `holdfast-postgres-${userInfo().uid}`);
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755);
  return folder;
}

/** Makes a folder once for all processes: in a folder of its own, which is then moved to its place. */
async function once(place: string, make: (folder: string) => Promise<void> | void): Promise<string> {
  if (existsSync(place)) return place;
  const work = mkdtempSync(join(dirname(place), '.work-'));
  chmodSync(work, 0o755);
  const made = join(work, 'made');
  try {
    mkdirSync(made);
    await make(made);
    renameSync(made, place);
  } catch (error) {
    // Another process may have been quicker.
    if (!existsSync(place)) throw error;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return place;
}

/** The programs where who runs the server can reach them: a checkout may be below a folder that only root may enter. */
export async function reachable({ version, folder }: PostgresBinary): Promise<string> {
  if (serverUser().uid === undefined || isOpen(folder)) return folder;
  return once(join(shared(), `programs-${version}`), (made) => {
    cpSync(folder, made, { recursive: true, verbatimSymlinks: true });
  });
}

function isOpen(folder: string): boolean {
  for (let path = folder; ; path = dirname(path)) {
    if ((statSync(path).mode & 0o005) !== 0o005) return false;
    if (path === dirname(path)) return true;
  }
}

/** A data folder as `initdb` makes it: made once, and copied for each server. */
export async function template(binary: PostgresBinary): Promise<string> {
  const programs = await reachable(binary);
  return once(join(shared(), `data-${binary.version}`), async (made) => {
    giveAway(made);
    chmodSync(made, 0o700);
    const flags = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '-N', '--wal-segsize=1'];
    await run(join(programs, 'bin', 'initdb'), ['-D', made, ...flags], { cwd: '/', ...serverUser() });
  });
}
