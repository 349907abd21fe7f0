// The cache of etcd servers, and the check that the tests can use one.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const run = promisify(execFile);
const cache = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), '.cache', 'etcd');

/** The folder of one version's programs. Debian's packages and our builds use the same one. */
export const programs = join('usr', 'bin');

/**
 * The version of an etcd that runs on this machine. The same version of etcdctl must be beside it, and from 3.6 on of etcdutl, because
 * only that restores snapshots there. `undefined` if the path names no such etcd.
 */
export async function versionOf(path) {
  if (!existsSync(path)) return undefined;
  try {
    const folder = dirname(realpathSync(path));
    const [server, client] = await Promise.all([
      run(path, ['--version']),
      run(join(folder, 'etcdctl'), ['version'], { env: { ...process.env, ETCDCTL_API: '3' } }),
    ]);
    const version = /etcd Version: (\S+)/.exec(server.stdout)?.[1];
    if (version === undefined || !client.stdout.includes(`etcdctl version: ${version}\n`)) return undefined;
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if ((major > 3 || minor >= 6) && !existsSync(join(folder, 'etcdutl'))) return undefined;
    return version;
  } catch {
    return undefined; // Not an etcd, built for another machine, or without its etcdctl: the tests can't use it.
  }
}

/** The cached etcd of that version, or `undefined`. Looks at the disk only. */
export async function cached(version) {
  const binary = join(cache, version, programs, 'etcd');
  return (await versionOf(binary)) === version ? binary : undefined;
}

/** The versions that have a folder in the cache, whether they work or not. */
export function cachedVersions() {
  return existsSync(cache) ? readdirSync(cache).filter((name) => /^\d+\.\d+\.\d+$/.test(name)) : [];
}

/**
 * Makes an etcd in a folder of its own and then moves it into the cache, so that no other run ever sees an incomplete one. `make(work)`
 * returns the folder inside `work` that holds `usr/bin/etcd`. Gives `{ version, binary }`; throws if `accepts` refuses the etcd there.
 */
export async function intoCache(name, accepts, make) {
  const work = join(cache, `.work-${name}-${process.pid}`);
  try {
    mkdirSync(work, { recursive: true });
    const made = await make(work);
    const version = await versionOf(join(made, programs, 'etcd'));
    if (version === undefined || !accepts(version))
      throw new Error(`it gave etcd ${version ?? 'that does not run here'}`);
    return { version, binary: await install(made, version) };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function install(made, version) {
  const target = join(cache, version);
  // Another run may have finished first, and its servers may already be running: an etcd that works stays.
  const present = await cached(version);
  if (present !== undefined) return present;
  rmSync(target, { recursive: true, force: true });
  try {
    renameSync(made, target);
  } catch (error) {
    if ((await cached(version)) === undefined) throw error;
  }
  return join(target, programs, 'etcd');
}
