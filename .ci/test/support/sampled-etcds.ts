import { spawnSync } from 'node:child_process';
import { availableEtcds, type EtcdBinary } from '@holdfast/testkit';
import { root } from '../workspace.js';

/** Whether each version of a server that is there runs all its tests. */
export const triesAllVersions = process.env['HOLDFAST_VERSIONS'] === 'all';

/**
 * The versions of etcd that a long file of tests is run on by `npm test`: the main one, and one of the others, which each commit chooses
 * anew. `HOLDFAST_VERSIONS=all npm test` takes them all. For tests of what a client does; what servers answer differently by their
 * version (the conformance suite, keys, leases, watches) is tested on all of them each time.
 */
export function sampledEtcds(): readonly EtcdBinary[] {
  const all = availableEtcds();
  return triesAllVersions ? all : firstAndAnother(all, commitTurn());
}

/** Of versions that are tried by turns the one whose turn it is: each commit moves on by one. All, as {@link sampledEtcds} has it. */
export function sampledVersion<T>(versions: readonly T[]): readonly T[] {
  return triesAllVersions ? versions : versions.filter((_, index) => index === commitTurn() % versions.length);
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
