import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mutant, Mutation } from './mutant.js';
import { verdictOf, type JestReport, type Verdict } from './verdict.js';

/** Far more than any of these tests takes, mutated or not. */
const MOST_MS = 90_000;

/** Variables of the run that this one is started from, and that a mutant must not answer to. */
const NOT_PASSED_ON = ['HOLDFAST_CONFORMANCE_REPORT', 'HOLDFAST_UPDATE_DOCS', 'HOLDFAST_MUTATION', 'JEST_WORKER_ID'];

export interface MutantRun {
  readonly verdict: Verdict;
  readonly seconds: number;
}

/**
 * Runs the test that is to find a mutant, in a Jest process of its own.
 *
 * @param root the root of the repository
 * @param mutation what to change: the mutant's own change, or nothing, which the test has to pass with
 */
export async function runMutant(
  root: string,
  { caughtBy: { test, name } }: Pick<Mutant, 'caughtBy'>,
  mutation: Mutation | undefined,
): Promise<MutantRun> {
  const work = await mkdtemp(join(tmpdir(), 'holdfast-mutant-'));
  const began = performance.now();
  try {
    const output = join(work, 'jest.json');
    const said = await jest(root, mutation, [
      ...['--config', 'checks/mutation/jest/config.mjs', '--runInBand', '--ci', '--silent', '--bail', '--forceExit'],
      ...['--json', `--outputFile=${output}`, '--testNamePattern', name, '--runTestsByPath', test],
    ]);
    const verdict = await readFile(output, 'utf8').then(
      (json) => verdictOf(JSON.parse(json) as JestReport),
      (): Verdict => ({ kind: 'broken', reason: `Jest ended without a report: ${said}` }),
    );
    return { verdict, seconds: (performance.now() - began) / 1_000 };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Gives what Jest said on stderr. */
function jest(root: string, mutation: Mutation | undefined, args: readonly string[]): Promise<string> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !NOT_PASSED_ON.includes(name)));
  if (mutation !== undefined) {
    const { file, find, replace } = mutation;
    env['HOLDFAST_MUTATION'] = JSON.stringify({ file, find, replace });
  }
  return new Promise((resolve, reject) => {
    const bin = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
    const child = spawn(process.execPath, [bin, ...args], {
      cwd: root,
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: MOST_MS,
      killSignal: 'SIGKILL',
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.once('error', reject);
    child.once('close', (_code, signal) => {
      resolve(signal === null ? said : `it was ended by ${signal} after ${MOST_MS} ms`);
    });
  });
}
