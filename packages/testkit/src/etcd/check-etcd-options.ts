import { invalidArgument } from '@holdfast/store/adapter';
import { checkIterable, checkNumber, checkOneOf, checkOptions, checkText } from '../check.js';
import type { StartEtcdOptions } from './etcd-options.js';

const NAMES: Readonly<Record<keyof StartEtcdOptions, (value: unknown) => void>> = {
  bin: (value) => checkText(value, 'bin', "'/usr/bin/etcd'"),
  version: (value) => checkText(value, 'version', "'3.5.30' or '3.5'"),
  nodes: (value) => {
    checkOneOf(value, [1, 3], 'nodes');
  },
  links: flag('links'),
  enableV2: flag('enableV2'),
  clusterToken: (value) => checkText(value, 'clusterToken', "'holdfast'"),
  progressIntervalMs: (value) => {
    if (checkNumber(value, 'progressIntervalMs', 'milliseconds') > 0) return;
    throw invalidArgument('progressIntervalMs must be a number of milliseconds above 0');
  },
  snapshotFrom: (value) => checkText(value, 'snapshotFrom', 'what await etcd.snapshot() gave'),
  dataDir: (value) => checkText(value, 'dataDir', 'what await etcd.copyData() gave'),
  tls: (value) => {
    const { cert, key, clientCa } = checkOptions(value, ['cert', 'key', 'clientCa'], 'tls');
    checkText(cert, 'tls.cert', "certificateAuthority().issue('etcd').cert");
    checkText(key, 'tls.key', "certificateAuthority().issue('etcd').key");
    if (clientCa !== undefined) checkText(clientCa, 'tls.clientCa', 'certificateAuthority().cert');
  },
  args: (value) => {
    checkIterable(value, 'args');
    for (const flag of value as Iterable<unknown>) checkText(flag, 'each of args', "'--log-level=debug'");
  },
};

/** Members of an `EtcdBinary`: `startEtcd({ ...binary, nodes: 3 })` uses its version. */
const BINARY = ['etcd', 'etcdctl', 'etcdutl'];

/** @throws StoreError `invalid-argument`, before any server is started */
export function checkEtcdOptions(options: StartEtcdOptions): void {
  const given = checkOptions(options, [...Object.keys(NAMES), ...BINARY], 'startEtcd()');
  for (const [name, check] of Object.entries(NAMES)) if (given[name] !== undefined) check(given[name]);
}

function flag(name: string): (value: unknown) => void {
  return (value) => {
    checkOneOf(value, [true, false], name);
  };
}
