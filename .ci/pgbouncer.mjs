// Makes the pooler PgBouncer available to the tests: Debian's package with the libraries that it needs, unpacked into .cache/pgbouncer and not
// installed.
import { join } from 'node:path';
import { leaveOut, runs, unpackDebian } from './debian.mjs';
import { root } from './pnpm.mjs';

const folder = join(root, '.cache', 'pgbouncer');

/** The environment variable that names the folder with `usr/sbin/pgbouncer`. Empty where there is none. */
export const pgbouncerVariable = 'HOLDFAST_PGBOUNCER';

/** Names it to this process and those that it starts. Without it, tells so; with HOLDFAST_ALL_ETCDS set, throws. */
export async function providePgbouncer(tell) {
  if (process.env[pgbouncerVariable] !== undefined) return;
  process.env[pgbouncerVariable] = '';
  try {
    if (!(await works(folder))) await unpackDebian(['pgbouncer', 'libevent-2.1-7', 'libc-ares2'], folder, works);
    process.env[pgbouncerVariable] = folder;
  } catch (error) {
    leaveOut('the tests behind a pooler', 'PgBouncer', error, tell);
  }
}

function works(path) {
  const libraries = join(path, 'usr/lib/x86_64-linux-gnu');
  return runs(join(path, 'usr', 'sbin', 'pgbouncer'), ['--version'], { ...process.env, LD_LIBRARY_PATH: libraries });
}
