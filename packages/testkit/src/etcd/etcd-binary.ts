import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkOneOf, checkOptions, checkText } from '../check.js';
import { compareVersions, isAtLeast, isOfVersion, servesV2 } from './etcd-version.js';

/** An etcd that tests can start, with the tools that belong to it. */
export interface EtcdBinary {
  /** For example `3.5.30`. */
  readonly version: string;
  readonly etcd: string;
  readonly etcdctl: string;
  /** What restores snapshots from 3.6 on; 3.4 has none. */
  readonly etcdutl: string | undefined;
}

const HOW_TO_GET_ETCD =
  'Install etcd 3.4 to 3.7 together with etcdctl, and from 3.6 on with etcdutl (on Debian and Ubuntu: the packages etcd-server ' +
  'and etcd-client), and put it on PATH, or name it: ETCD_BIN=/path/to/etcd, or for several versions ' +
  'HOLDFAST_ETCD=3.5.30=/path/etcd,3.4.23=/path/etcd.';

const probed = new Map<string, EtcdBinary>();

/**
 * Every etcd that tests should run against: those of `HOLDFAST_ETCD`, else the one of `ETCD_BIN`, else the one on PATH.
 * Synchronous, for `describe.each`. Throws, saying what to install, where there is none: a missing server is a failure
 * and not a reason to run fewer tests.
 *
 * @param wanted `api: 'v2'` gives those alone that serve the v2 API, which is gone from 3.6 on
 */
export function availableEtcds(wanted: { readonly api?: 'v2' | 'v3' } = {}): readonly EtcdBinary[] {
  const { api } = checkOptions(wanted, ['api'], 'availableEtcds()');
  if (api !== undefined) checkOneOf(api, ['v2', 'v3'], 'api');
  const listed = listedEtcds();
  const all = listed.length > 0 ? listed : [probe(process.env['ETCD_BIN'] ?? 'etcd')];
  if (wanted.api !== 'v2') return all;
  const serving = all.filter(({ version }) => servesV2(version));
  if (serving.length === 0) throw new Error(`No etcd with the v2 API found (3.5 or older), only ${described(all)}.`);
  return serving;
}

/**
 * The etcd of that path; else of that version or, for `3.5`, the newest one of that series; else that of `ETCD_BIN`; else
 * the first of `HOLDFAST_ETCD`; else the one on PATH.
 */
export function findEtcd(wanted: {
  readonly bin?: string | undefined;
  readonly version?: string | undefined;
}): EtcdBinary {
  // A binary that was found may be passed again.
  checkOptions(wanted, ['bin', 'version', 'etcd', 'etcdctl', 'etcdutl'], 'findEtcd()');
  const { bin, version } = wanted;
  if (bin !== undefined) checkText(bin, 'bin', "'/usr/bin/etcd'");
  if (version !== undefined) checkText(version, 'version', "'3.5.30' or '3.5'");
  if (bin === undefined && version === undefined) {
    const named = process.env['ETCD_BIN'];
    const [first] = named === undefined ? availableEtcds() : [probe(named)];
    if (first !== undefined) return first;
  }
  const candidates = bin === undefined ? availableEtcds() : [probe(bin)];
  const matching = candidates.filter((candidate) => version === undefined || isOfVersion(candidate.version, version));
  const [match] = [...matching].sort((a, b) => compareVersions(b.version, a.version));
  if (match !== undefined) return match;
  throw new Error(`No etcd ${version ?? ''} found, only ${described(candidates)}. ${HOW_TO_GET_ETCD}`);
}

function described(etcds: readonly EtcdBinary[]): string {
  return etcds.map(({ version, etcd }) => `${version} (${etcd})`).join(', ');
}

function listedEtcds(): readonly EtcdBinary[] {
  const entries = (process.env['HOLDFAST_ETCD'] ?? '').split(',').filter((entry) => entry.trim() !== '');
  return entries.map((entry) => {
    const [, version, path] = /^\s*([^=]+)=(.+?)\s*$/.exec(entry) ?? [];
    if (version === undefined || path === undefined) {
      throw new Error(`HOLDFAST_ETCD: ${JSON.stringify(entry)} is not VERSION=PATH. ${HOW_TO_GET_ETCD}`);
    }
    const binary = probe(path);
    if (binary.version !== version) throw new Error(`HOLDFAST_ETCD: ${path} is etcd ${binary.version}, not ${version}`);
    return binary;
  });
}

function probe(etcd: string): EtcdBinary {
  const known = probed.get(etcd);
  if (known !== undefined) return known;
  const version = versionOf(etcd);
  const binary = { version, etcd, etcdctl: besides(etcd, 'etcdctl') ?? 'etcdctl', etcdutl: etcdutlOf(etcd, version) };
  probed.set(etcd, binary);
  return binary;
}

function versionOf(etcd: string): string {
  let output: string;
  try {
    output = execFileSync(etcd, ['--version'], {
      encoding: 'utf8',
      env: etcdEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (cause) {
    throw new Error(`Cannot run ${etcd}. ${HOW_TO_GET_ETCD}`, { cause });
  }
  const version = /etcd Version: (\S+)/.exec(output)?.[1];
  if (version === undefined)
    throw new Error(`${etcd} is not etcd: it answers --version with ${JSON.stringify(output)}`);
  return version;
}

/** A tool in the folder of an etcd; `undefined` where it isn't there, and belongs on PATH then. */
function besides(etcd: string, tool: string): string | undefined {
  const sibling = join(dirname(etcd), tool);
  return existsSync(sibling) ? sibling : undefined;
}

function etcdutlOf(etcd: string, version: string): string | undefined {
  return besides(etcd, 'etcdutl') ?? (isAtLeast(version, '3.6') ? 'etcdutl' : undefined);
}

/** This process's environment without etcd's own variables, which would act as flags of the servers under test. */
export function etcdEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string | undefined> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^ETCD(CTL|UTL)?_/.test(name) || name === 'ETCD_UNSUPPORTED_ARCH',
  );
  return { ...Object.fromEntries(inherited), ...extra };
}
