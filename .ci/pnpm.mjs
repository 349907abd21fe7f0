// The pnpm that package.json pins, fetched through npm: a machine needs Node and npm only.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const { packageManager: pinnedPnpm } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const command = (args) => ['exec', '--yes', '--', pinnedPnpm, ...args];
// CI=true: pnpm never stops to ask a question.
const environment = () => ({ ...process.env, CI: 'true' });

/** Runs pnpm in the workspace's root. Throws an error with its output, or, with `stdio: 'inherit'`, after it. */
export function pnpm(args, options = {}) {
  const result = spawnSync('npm', command(args), {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment(),
    ...options,
  });
  if (result.status !== 0) {
    const why = result.error?.message ?? result.signal ?? `exit ${result.status}`;
    throw failed(args, why, `${result.stdout ?? ''}${result.stderr ?? ''}`);
  }
  return result.stdout;
}

/** Runs pnpm as {@link pnpm} does, and passes on each line as soon as it is printed. */
export async function watchPnpm(args, onLine) {
  const child = spawn('npm', command(args), { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: environment() });
  const lines = [];
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      lines.push(line);
      onLine(line);
    });
  }
  const why = await new Promise((resolve) => {
    child.on('error', ({ message }) => resolve(message));
    child.on('close', (status, signal) => resolve(status === 0 ? undefined : (signal ?? `exit ${status}`)));
  });
  if (why !== undefined) throw failed(args, why, lines.join('\n'));
}

function failed(args, why, printed) {
  return new Error(`${pinnedPnpm} ${args.join(' ')}: ${why}\n${printed}`);
}
