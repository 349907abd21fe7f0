// The pnpm that package.json pins, fetched through npm: a machine needs Node and npm only.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const { packageManager: pinnedPnpm } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Runs pnpm in the workspace's root. Throws an error with its output, or, with `stdio: 'inherit'`, after it. */
export function pnpm(args, options = {}) {
  const result = spawnSync('npm', ['exec', '--yes', '--', pinnedPnpm, ...args], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    // CI=true: pnpm never stops to ask a question.
    env: { ...process.env, CI: 'true' },
    ...options,
  });
  if (result.status !== 0) {
    const why = result.error?.message ?? result.signal ?? `exit ${result.status}`;
    throw new Error(`${pinnedPnpm} ${args.join(' ')}: ${why}\n${result.stdout ?? ''}${result.stderr ?? ''}`);
  }
  return result.stdout;
}
