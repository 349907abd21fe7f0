import { spawnSync } from 'node:child_process';
import type { SampleOptions } from '../../src/index.js';

/** What the last commit and the working tree changed, and a turn that each commit moves. Without git, nothing and 0. */
export function recentChanges(root: string): Pick<SampleOptions, 'changed' | 'turn'> {
  const git = (...args: readonly string[]) => spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  const diff = git('diff', '--name-only', 'HEAD~1');
  const head = git('rev-parse', 'HEAD');
  return {
    changed: diff.status === 0 ? diff.stdout.split('\n').filter(Boolean) : [],
    turn: head.status === 0 ? Number.parseInt(head.stdout.slice(0, 6), 16) : 0,
  };
}
