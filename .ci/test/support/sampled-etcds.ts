import { spawnSync } from 'node:child_process';
import { availableEtcds, type EtcdBinary } from '@holdfast/testkit';
import { root } from '../workspace.js';

/**
 * The versions of etcd that a long file of tests is run on by `npm test`: the main one, and one of the others, which each commit chooses
 * anew. `HOLDFAST_VERSIONS=all npm test` takes them all. For tests of what a client does; what servers answer differently by their
 * version (the conformance suite, keys, leases, watches) is tested on all of them each time.
 */
export function sampledEtcds(): readonly EtcdBinary[] {
  const all = availableEtcds();
  return process.env['HOLDFAST_VERSIONS'] === 'all' ? all : firstAndAnother(all, commitTurn());
}

/** The first, and one of the others. As many turns in a row as there are others choose each of them once. */
export function firstAndAnother<T>([first, ...others]: readonly T[], turn: number): T[] {
  return [first, others[turn % others.length]].filter((one) => one !== undefined);
}

/** A number that each commit moves. Without git, 0. */
function commitTurn(): number {
  const { status, stdout } = spawnSync('git', ['rev-list', '--count', 'HEAD'], { cwd: root, encoding: 'utf8' });
  return status === 0 ? Number(stdout) : 0;
}
