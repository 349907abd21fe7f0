import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** An etcd that tests can start, with the etcdctl that belongs to it. */
export interface EtcdBinary {
  /** For example `3.5.16`. */
  readonly version: string;
  readonly etcd: string;
  readonly etcdctl: string;
}

const HOW_TO_GET_ETCD =
  'Install etcd 3.4 or 3.5 together with etcdctl (on Debian and Ubuntu: the packages etcd-server and etcd-client), and ' +
  'put it on PATH, or name it: ETCD_BIN=/path/to/etcd, or for several versions HOLDFAST_ETCD=3.4.23=/path/etcd,3.5.16=/path/etcd.';

const probed = new Map<string, EtcdBinary>();

/**
 * Every etcd that tests should run against: those of `HOLDFAST_ETCD`, else the one of `ETCD_BIN`, else the one on PATH.
 * Synchronous, for `describe.each`. Throws, saying what to install, where there is none: a missing server is a failure
 * and not a reason to run fewer tests.
 */
export function availableEtcds(): readonly EtcdBinary[] {
  const listed = listedEtcds();
  return listed.length > 0 ? listed : [probe(process.env['ETCD_BIN'] ?? 'etcd')];
}

/**
 * The etcd of that path; else of that version; else that of `ETCD_BIN`; else the first of `HOLDFAST_ETCD`; else the one
 * on PATH.
 */
export function findEtcd(wanted: {
  readonly bin?: string | undefined;
  readonly version?: string | undefined;
}): EtcdBinary {
  const { bin, version } = wanted;
  if (bin === undefined && version === undefined) {
    const named = process.env['ETCD_BIN'];
    const [first] = named === undefined ? availableEtcds() : [probe(named)];
    if (first !== undefined) return first;
  }
  const candidates = bin === undefined ? availableEtcds() : [probe(bin)];
  const match = candidates.find((candidate) => version === undefined || candidate.version === version);
  if (match !== undefined) return match;
  const found = candidates.map((candidate) => `${candidate.version} (${candidate.etcd})`).join(', ');
  throw new Error(`No etcd ${version ?? ''} found, only ${found}. ${HOW_TO_GET_ETCD}`);
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
  const binary = { version: versionOf(etcd), etcd, etcdctl: besides(etcd) };
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

function besides(etcd: string): string {
  const sibling = join(dirname(etcd), 'etcdctl');
  return existsSync(sibling) ? sibling : 'etcdctl';
}

/** This process's environment without etcd's own variables, which would act as flags of the servers under test. */
export function etcdEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^ETCD(CTL|UTL)?_/.test(name) || name === 'ETCD_UNSUPPORTED_ARCH',
  );
  return { ...Object.fromEntries(inherited), ...extra };
}
