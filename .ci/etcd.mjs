// Makes the etcd servers that the tests need available, each with its etcdctl beside it, and says which ones they are.
//
//   node .ci/etcd.mjs        prints them, as `version=path`
//
// A matching etcd named by ETCD_BIN (one path, or several separated by the platform's path delimiter) or found on PATH is used as it
// is. Otherwise the Debian package of that version is unpacked, not installed, into .cache/etcd/<version>, from the mirror that this
// machine's apt is set up with. That needs neither root nor write access outside of the project.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const cache = join(dirname(dirname(fileURLToPath(import.meta.url))), '.cache', 'etcd');
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The versions that the tests run against, and the Debian suites that carry them. */
const wanted = [
  { version: '3.4.23', suite: 'bookworm' },
  { version: '3.5.16', suite: 'trixie' },
];

/** The environment variable through which tests learn of the binaries: `3.4.23=/path/etcd,3.5.16=/path/etcd`. */
export const etcdVariable = 'HOLDFAST_ETCD';

/** Version → path of the etcd binary, for every wanted version. Throws an error that says what to do where one can't be had. */
export async function ensureEtcd() {
  const present = await installedEtcds();
  const entries = await Promise.all(
    wanted.map(async ({ version, suite }) => [version, present.get(version) ?? (await fromDebian(version, suite))]),
  );
  return new Map(entries);
}

export function formatEtcds(etcds) {
  return [...etcds].map(([version, path]) => `${version}=${path}`).join(',');
}

async function installedEtcds() {
  const named = (process.env.ETCD_BIN ?? '').split(delimiter).filter(Boolean);
  const onPath = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const found = new Map();
  for (const path of [...named, ...onPath.map((folder) => join(folder, 'etcd'))]) {
    const version = await versionOf(path);
    if (version !== undefined && !found.has(version)) found.set(version, realpathSync(path));
  }
  return found;
}

/** The version of an etcd that runs here and has an etcdctl of the same version beside it. */
async function versionOf(path) {
  if (!existsSync(path)) return undefined;
  try {
    const ctl = join(dirname(realpathSync(path)), 'etcdctl');
    const [server, client] = await Promise.all([
      run(path, ['--version']),
      run(ctl, ['version'], { env: { ...process.env, ETCDCTL_API: '3' } }),
    ]);
    const version = /etcd Version: (\S+)/.exec(server.stdout)?.[1];
    return version !== undefined && client.stdout.includes(`etcdctl version: ${version}\n`) ? version : undefined;
  } catch {
    return undefined; // Not an etcd, not for this machine, or without its etcdctl: not one that the tests can use.
  }
}

async function fromDebian(version, suite) {
  const target = join(cache, version);
  const binary = join(target, 'usr', 'bin', 'etcd');
  if ((await versionOf(binary)) === version) return binary;

  const work = join(cache, `.work-${version}-${process.pid}`);
  try {
    mkdirSync(join(work, 'lists', 'partial'), { recursive: true });
    mkdirSync(join(work, 'apt', 'archives', 'partial'), { recursive: true });
    await unpack(await debianMirror(), suite, work);
    const unpacked = await versionOf(join(work, 'root', 'usr', 'bin', 'etcd'));
    if (unpacked !== version) throw new Error(`Debian ${suite} gave etcd ${unpacked ?? 'that does not run here'}`);
    await install(join(work, 'root'), target, binary, version);
    return binary;
  } catch (error) {
    throw new Error(
      `etcd ${version} is missing: it is neither on PATH nor named by ETCD_BIN, and could not be unpacked from Debian ${suite} ` +
        `(${String(error.stderr || error.message).trim()}).\n` +
        `Install etcd ${version} with its etcdctl in the same folder, and name it: ETCD_BIN=/path/to/etcd ` +
        `(several, separated by "${delimiter}", for several versions).`,
      { cause: error },
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function install(unpacked, target, binary, version) {
  // Another run may have finished first, and its servers may already be running: what works is left alone.
  if ((await versionOf(binary)) === version) return;
  rmSync(target, { recursive: true, force: true });
  try {
    renameSync(unpacked, target);
  } catch (error) {
    if ((await versionOf(binary)) !== version) throw error;
  }
}

async function debianMirror() {
  const { stdout } = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages']);
  const mirror = stdout.split('\n').find((uri) => /\/debian\/?$/.test(uri));
  if (mirror === undefined) throw new Error("apt's sources name no Debian mirror");
  return mirror;
}

async function unpack(mirror, suite, work) {
  const list = join(work, 'sources.list');
  const signed = existsSync(keyring) ? ` [signed-by=${keyring}]` : '';
  writeFileSync(list, `deb${signed} ${mirror} ${suite} main\n`);
  const options = {
    'Dir::Etc::sourcelist': list,
    'Dir::Etc::sourceparts': '-',
    'Dir::State::Lists': join(work, 'lists'),
    'Dir::Cache': join(work, 'apt'),
    'APT::Sandbox::User': 'root', // The sandbox user could not write into the project.
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
  };
  const apt = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  await run('apt-get', [...apt, '-qq', 'update'], { cwd: work });
  await run('apt-get', [...apt, '-qq', 'download', 'etcd-server', 'etcd-client'], { cwd: work });
  for (const deb of readdirSync(work).filter((name) => name.endsWith('.deb'))) {
    await run('dpkg', ['-x', deb, 'root'], { cwd: work });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    for (const [version, path] of await ensureEtcd()) console.log(`${version}=${path}`);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
