// cspell:ignore stty
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { root } from './markdown-sample.js';

/** The built command. */
export const MAIN = join(root, 'packages', 'cli', 'dist', 'esm', 'main.js');

/** Builds the command, as a moment's work where it is built already. */
export function buildCommand(): void {
  execFileSync(process.execPath, [join(root, '.ci', 'build.mjs'), 'packages/cli/tsconfig.esm.json'], { stdio: 'pipe' });
}

export interface Finished {
  /** The exit code, or the signal that ended the process. */
  readonly code: number | string;
  readonly out: string;
  readonly err: string;
}

/** Runs a line of shell in which `holdfast` is the built command. */
export function shell(line: string, env: Record<string, string> = {}): Promise<Finished> {
  const script = `holdfast() { "${process.execPath}" "${MAIN}" "$@"; }; ${line}`;
  return new Promise((resolve) => {
    execFile('bash', ['-c', script], { env: environment(env) }, (error, out, err) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? -1), out, err });
    });
  });
}

/** A terminal in which `holdfast ARGS` runs: util-linux's `script` makes it. What it shows comes on the standard output. */
export function terminal(args: readonly string[], columns: number, env: Record<string, string> = {}): ChildProcess {
  const line = `stty cols ${columns}; exec "${process.execPath}" "${MAIN}" ${args.map((arg) => `'${arg}'`).join(' ')}`;
  return spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
    env: environment({ TERM: 'xterm', ...env }),
  });
}

/** This process's own settings must not decide: those of etcdctl, `NO_COLOR`, a store. */
function environment(env: Record<string, string>): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env };
}
