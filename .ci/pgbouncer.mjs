// Makes the pooler PgBouncer available to the tests: Debian's package with the libraries that it needs, from the mirror that this machine's apt
// uses, unpacked into .cache/pgbouncer and not installed.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { allVariable } from './etcd.mjs';
import { root } from './pnpm.mjs';

const run = promisify(execFile);
const folder = join(root, '.cache', 'pgbouncer');

/** The environment variable that names the folder with `usr/sbin/pgbouncer`. Empty where there is none. */
export const pgbouncerVariable = 'HOLDFAST_PGBOUNCER';

/** Names it to this process and those that it starts. Without it, tells so; with HOLDFAST_ALL_ETCDS set, throws. */
export async function providePgbouncer(tell = console.error) {
  if (process.env[pgbouncerVariable] !== undefined) return;
  process.env[pgbouncerVariable] = '';
  try {
    if (!(await works(folder))) await fetchPackages();
    process.env[pgbouncerVariable] = folder;
  } catch (error) {
    const reason = `PgBouncer could not be unpacked from Debian's packages (${String(error.stderr || error.message).trim()})`;
    if (process.env[allVariable] !== undefined && process.env[allVariable] !== '')
      throw new Error(reason, { cause: error });
    tell(`left out: the tests behind a pooler: ${reason}`);
  }
}

async function fetchPackages() {
  const work = `${folder}.work-${process.pid}`;
  try {
    mkdirSync(work, { recursive: true });
    const names = ['pgbouncer', 'libevent-2.1-7', 'libc-ares2'];
    const download = () =>
      run('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', 'download', ...names], { cwd: work });
    await download().catch(async () => {
      await run('apt-get', ['-qq', 'update']);
      await download();
    });
    for (const deb of readdirSync(work).filter((name) => name.endsWith('.deb')))
      await run('dpkg', ['-x', deb, 'root'], { cwd: work });
    if (!(await works(join(work, 'root')))) throw new Error('it does not run here');
    rmSync(folder, { recursive: true, force: true });
    renameSync(join(work, 'root'), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function works(path) {
  const program = join(path, 'usr', 'sbin', 'pgbouncer');
  if (!existsSync(program)) return false;
  try {
    await run(program, ['--version'], {
      env: { ...process.env, LD_LIBRARY_PATH: join(path, 'usr/lib/x86_64-linux-gnu') },
    });
    return true;
  } catch {
    return false;
  }
}
