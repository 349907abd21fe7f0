// Makes the etcd servers that the tests need available, and lists them. Beside each are its etcdctl and, from 3.6, its etcdutl.
//
//   node .ci/etcd.mjs                 prints those of the tests, as `version=path`
//   node .ci/etcd.mjs --campaigns     also those that only campaigns and the benchmark use
//
// It uses a matching etcd that ETCD_BIN names (one path, or several separated by the platform's path delimiter) or that is on PATH.
// Otherwise it uses .cache/etcd/<version>, and fills that if it is empty: from a Debian package, or with a build from Go modules.
import { realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, cachedVersions, versionOf } from './etcd/cache.mjs';
import { fromDebian } from './etcd/from-debian.mjs';
import { canBuild, fromGo, goVersion, oldestGo } from './etcd/from-go.mjs';

/** The environment variable that tells tests the binaries: `3.5.30=/path/etcd,3.4.23=/path/etcd`. The first one runs every test. */
export const etcdVariable = 'HOLDFAST_ETCD';

/** If it is set, a version that can't be built is a failure instead of being left out. `.ci/run` sets it. */
export const allVariable = 'HOLDFAST_ALL_ETCDS';

// Debian's sid moves on: a later 3.5 is accepted, and tested under its own number.
const etcd35 = { version: '3.5.30', suite: 'sid', laterToo: true, goInstead: '3.5.35' };

/**
 * The versions that the tests run on. The first one runs every test; the others run the tests that depend on the server.
 * `suite` is the Debian suite that carries the version; a version without one is built with Go.
 */
export const testEtcds = [
  etcd35,
  { version: '3.4.23', suite: 'bookworm' },
  { version: '3.6.16' },
  { version: '3.7.3' },
];

/** The versions that campaigns choose from. 3.5.16 is the one of Debian's stable release, and has faults that 3.5.30 no longer has. */
export const campaignEtcds = [...testEtcds, { version: '3.5.16', suite: 'trixie' }];

/** The versions whose figures the benchmark publishes. */
export const benchEtcds = [
  { version: '3.4.23', suite: 'bookworm' },
  { version: '3.5.16', suite: 'trixie' },
  { version: '3.7.3' },
];

/** The versions on which the benchmark of fleets runs. */
export const fleetEtcds = [{ version: '3.5.16', suite: 'trixie' }, { version: '3.7.3' }];

/**
 * Version → path of the etcd binary, for every wanted version, in order. Without Go, a version that needs Go is left out, and `tell` gets
 * one line about it. If any other version can't be had, throws an error that says what to do.
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

/** Makes them available, and names them to this process and those that it starts. */
export async function provideEtcds(wanted) {
  process.env[etcdVariable] = formatEtcds(await ensureEtcd(wanted));
}

/** The servers that are already here, as `[version, path]`: on PATH or named by ETCD_BIN, else in the cache. Needs no network. */
async function present(wanted, installed) {
  const versions = [...installed.keys(), ...cachedVersions()].filter((version) => fits(wanted, version));
  for (const version of versions.sort(byPatch)) {
    const path = installed.get(version) ?? (await cached(version));
    if (path !== undefined) return [version, path];
  }
  return undefined;
}

/** Wanted → `[version, path]`. Debian's packages are fetched in parallel. Go builds run in turn, because one build uses all cores. */
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

/** Waits until all have ended, even if one fails: a download that outlives its caller would leave its folder behind. */
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
