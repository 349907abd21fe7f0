// The whole check, as `npm test` and `.ci/run` run it. A passing step is one line; a failing one prints what it said.
// The last line is `N passed, N failed`: Jest's tests, and each failed step beside Jest as one more failure.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatReport, readReport, reportProblems, reportVariable } from './conformance-report.mjs';
import { root } from './pnpm.mjs';

const minute = 60_000;
const work = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
const jestResult = join(work, 'jest.json');
const conformance = join(work, 'conformance.jsonl');

const script = (name) => [`.ci/${name}`];
const bin = (name, ...args) => [join('node_modules', name), ...args];

/** The steps in order. Nothing after a failed `needed` step could say anything useful. */
const steps = [
  { name: 'bootstrap', node: script('bootstrap.mjs'), needed: true },
  { name: 'etcd', node: script('etcd.mjs'), needed: true, shown: true },
  { name: 'format', node: bin('prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.') },
  { name: 'lint', node: bin('eslint/bin/eslint.js', '--config', '.ci/eslint.config.mjs', '--max-warnings=0', '.') },
  { name: 'typecheck', node: bin('typescript/bin/tsc', '--project', '.ci/tsconfig.check.json') },
  { name: 'build', node: script('build.mjs'), needed: true },
  { name: 'jest', node: bin('jest/bin/jest.js', '--ci', '--json', `--outputFile=${jestResult}`), live: true },
  { name: 'packages', node: script('packages.mjs') },
];

const failures = [];

function runStep({ name, node, shown, live }) {
  const began = performance.now();
  const { status, signal, error, stdout, stderr } = spawnSync(process.execPath, node, {
    cwd: root,
    encoding: 'utf8',
    // Jest reports on stderr as it goes; its stdout is the JSON that the output file holds too.
    stdio: ['ignore', live ? 'ignore' : 'pipe', live ? 'inherit' : 'pipe'],
    env: { ...process.env, CI: 'true', FORCE_COLOR: '0', [reportVariable]: conformance },
    timeout: 20 * minute,
    maxBuffer: 1 << 28,
  });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const ok = status === 0;
  console.log(
    `${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)${ok ? '' : `: ${error?.message ?? signal ?? `exit ${status}`}`}`,
  );
  if (!live && (shown || !ok)) process.stdout.write(`${stdout}${stderr}`.replace(/^(?=.)/gm, '  '));
  return ok;
}

/** Jest's totals; a suite that could not even start counts as one failed test. */
function jestTotals() {
  if (!existsSync(jestResult)) return { passed: 0, failed: 1, pending: 0 };
  const result = JSON.parse(readFileSync(jestResult, 'utf8'));
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
  return {
    passed: result.numPassedTests,
    failed: failed > 0 || result.success ? failed : 1,
    pending: result.numPendingTests + result.numTodoTests,
  };
}

try {
  for (const step of steps) {
    if (runStep(step)) continue;
    failures.push(`step ${step.name}`);
    if (step.needed) break;
  }

  const { passed, failed, pending } = jestTotals();
  const report = readReport(conformance);
  failures.push(...reportProblems(report));
  if (pending > 0) failures.push(`${pending} tests were skipped, which no test may be`);

  console.log(`\n${formatReport(report)}`);
  for (const failure of failures) console.log(`FAILED: ${failure}`);
  const besideJest = failures.filter((failure) => failure !== 'step jest').length;
  console.log(`\n${passed} passed, ${failed + besideJest} failed`);
  process.exitCode = failed + failures.length === 0 ? 0 : 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
