// Makes the etcd servers that the tests need available, each with its etcdctl (and etcdutl, where there is one) beside it, and says which
// ones they are.
//
//   node .ci/etcd.mjs                 prints those of the tests, as `version=path`
//   node .ci/etcd.mjs --campaigns     also those that only campaigns and the benchmark use
//
// A matching etcd named by ETCD_BIN (one path, or several separated by the platform's path delimiter) or found on PATH is used as it
// is. Otherwise .cache/etcd/<version> is looked at, and filled where it is empty: out of a Debian package, or built from Go modules.
import { realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, cachedVersions, versionOf } from './etcd/cache.mjs';
import { fromDebian } from './etcd/from-debian.mjs';
import { canBuild, fromGo, goVersion, oldestGo } from './etcd/from-go.mjs';

/** The environment variable through which tests learn of the binaries: `3.5.30=/path/etcd,3.4.23=/path/etcd`. The first runs everything. */
export const etcdVariable = 'HOLDFAST_ETCD';

/** Set where a version that can't be built is a failure, and not left out: `.ci/run` sets it. */
export const allVariable = 'HOLDFAST_ALL_ETCDS';

// Debian's sid moves on: whatever later 3.5 it has then is tested under its own number.
const etcd35 = { version: '3.5.30', suite: 'sid', laterToo: true, goInstead: '3.5.35' };

/**
 * The versions that the tests run on. The first one runs everything; the others run what depends on the server.
 * `suite` is the Debian suite that carries it; without one it is built with Go.
 */
export const testEtcds = [
  etcd35,
  { version: '3.4.23', suite: 'bookworm' },
  { version: '3.6.16' },
  { version: '3.7.3' },
];

/** What campaigns choose from. 3.5.16 still has faults that 3.5.30 no longer has, and is what Debian's stable release carries. */
export const campaignEtcds = [...testEtcds, { version: '3.5.16', suite: 'trixie' }];

/** What the benchmark publishes its figures of. */
export const benchEtcds = [
  { version: '3.4.23', suite: 'bookworm' },
  { version: '3.5.16', suite: 'trixie' },
];

/**
 * Version → path of the etcd binary, for every wanted version, in order. A version that needs Go is left out where there is none, which
 * `tell` is told in one line. Throws an error that says what to do where one can't be had.
 */
export async function ensureEtcd(wanted = testEtcds, tell = console.error) {
  const installed = await installedEtcds();
  const local = await Promise.all(wanted.map((each) => present(each, installed)));
  const missing = wanted.filter((_, index) => local[index] === undefined);
  const made = await make(missing, tell);
  return new Map(wanted.flatMap((each, index) => [local[index] ?? made.get(each)].filter(Boolean)));
}

export function formatEtcds(etcds) {
  return [...etcds].map(([version, path]) => `${version}=${path}`).join(',');
}

/** What is there already, as `[version, path]`: on PATH or named by ETCD_BIN, else in the cache. Needs no network. */
async function present(wanted, installed) {
  const versions = [...installed.keys(), ...cachedVersions()].filter((version) => fits(wanted, version));
  for (const version of versions.sort(byPatch)) {
    const path = installed.get(version) ?? (await cached(version));
    if (path !== undefined) return [version, path];
  }
  return undefined;
}

/** Wanted → `[version, path]`. Debian's packages come side by side; Go uses all cores for one build, so that these come in turn. */
async function make(missing, tell) {
  const made = new Map();
  const packaged = missing
    .filter(({ suite }) => suite !== undefined)
    .map(async (wanted) => made.set(wanted, await fromPackage(wanted)));
  const built = (async () => {
    const wanted = missing.filter(({ suite }) => suite === undefined);
    const go = wanted.length === 0 ? undefined : await goVersion();
    if (wanted.length > 0 && !canBuild(go)) {
      const names = wanted.map(({ version }) => version).join(' and ');
      const reason = `etcd ${names}: built from source, which needs Go ${oldestGo} or newer on PATH (found: ${go ?? 'none'})`;
      if (process.env[allVariable])
        throw new Error(`${reason}. ${allVariable} is set, so that no version may be left out.`);
      tell(`left out: ${reason}`);
      return;
    }
    for (const each of wanted) made.set(each, await fromSource(each.version));
  })();
  await settled([...packaged, built]);
  return made;
}

/** All of them, to their ends: a download that goes on while its caller gives up would leave its folder behind. */
async function settled(promises) {
  const failed = (await Promise.allSettled(promises)).find(({ status }) => status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

async function fromPackage(wanted) {
  const { suite, goInstead } = wanted;
  try {
    const { version, binary } = await fromDebian(suite, (version) => fits(wanted, version));
    return [version, binary];
  } catch (error) {
    if (goInstead !== undefined && canBuild(await goVersion())) return fromSource(goInstead);
    throw missingError(wanted.version, `could not be unpacked from Debian ${suite}`, error);
  }
}

async function fromSource(version) {
  try {
    const { binary } = await fromGo(version);
    return [version, binary];
  } catch (error) {
    throw missingError(version, `could not be built with Go from .ci/etcd/${version}/go.mod`, error);
  }
}

function missingError(version, how, cause) {
  const programs = Number(version.split('.')[1]) < 6 ? 'its etcdctl' : 'its etcdctl and etcdutl';
  return new Error(
    `etcd ${version} is missing: it is neither on PATH nor named by ETCD_BIN, and ${how} ` +
      `(${String(cause.stderr || cause.message).trim()}).\n` +
      `Install etcd ${version} with ${programs} in the same folder, and name it: ETCD_BIN=/path/to/etcd ` +
      `(several, separated by "${delimiter}", for several versions).`,
    { cause },
  );
}

function fits({ version: wanted, laterToo }, version) {
  if (version === wanted) return true;
  const series = (text) => text.replace(/\.\d+$/, '');
  return laterToo === true && series(version) === series(wanted) && byPatch(wanted, version) < 0;
}

/** Order among the versions of one series: the wanted one comes before any later one. */
function byPatch(a, b) {
  return Number(a.split('.')[2]) - Number(b.split('.')[2]);
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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const wanted = process.argv.includes('--campaigns') ? campaignEtcds : testEtcds;
    for (const [version, path] of await ensureEtcd(wanted, console.log)) console.log(`${version}=${path}`);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
