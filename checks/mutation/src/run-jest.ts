import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** Variables of the run that this one is started from, and that its tests must not answer to. */
const NOT_PASSED_ON = [
  'HOLDFAST_CONFORMANCE_REPORT',
  'HOLDFAST_MUTATION',
  'HOLDFAST_PATIENCE',
  'HOLDFAST_UPDATE_DOCS',
  'JEST_WORKER_ID',
];

export interface JestRunOptions {
  /** Milliseconds after which Jest is ended by force. */
  readonly mostMs: number;
  /** Variables of the environment besides those of this process. */
  readonly env: Readonly<Record<string, string>>;
}

/** Runs Jest in a process of its own, in the root of the repository. Gives what it said on stderr. */
export function runJest(root: string, args: readonly string[], { mostMs, env }: JestRunOptions): Promise<string> {
  const inherited = Object.entries(process.env).filter(([name]) => !NOT_PASSED_ON.includes(name));
  return new Promise((resolve, reject) => {
    const bin = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
    const child = spawn(process.execPath, [bin, ...args], {
      cwd: root,
      env: { ...Object.fromEntries(inherited), ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: mostMs,
      killSignal: 'SIGKILL',
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.once('error', reject);
    child.once('close', (_code, signal) => {
      resolve(signal === null ? said : `it was ended by ${signal} after ${mostMs} ms`);
    });
  });
}
