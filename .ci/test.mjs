// The whole check, as `npm test` and `.ci/run` run it. A passing step prints one line; a failing one prints its whole output.
// The last line is `N passed, N failed`: it counts Jest's tests, and every other failed step as one more failure.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { formatReport, readReport, reportProblems, reportVariable } from './conformance-report.mjs';
import { tarballsVariable } from './packed.mjs';
import { root } from './pnpm.mjs';

const minute = 60_000;
const work = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
const jestResult = join(work, 'jest.json');
const conformance = join(work, 'conformance.jsonl');

/** Where steps leave what others read. */
const shared = { [reportVariable]: conformance, [tarballsVariable]: join(work, 'tarballs') };

const script = (name, ...args) => [`.ci/${name}`, ...args];
const bin = (name, ...args) => [join('node_modules', name), ...args];

/**
 * The steps in order. What stands in one list runs in parallel; a list in that list is a sequence. After a failed `needed` step no other
 * result would mean anything.
 */
const steps = [
  [{ name: 'bootstrap', node: script('bootstrap.mjs'), needed: true }],
  [
    { name: 'etcd', node: script('etcd.mjs'), needed: true, shown: true },
    { name: 'postgres', node: script('postgres.mjs'), needed: true, shown: true },
    { name: 'format', node: bin('prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.') },
    { name: 'spelling', node: bin('cspell/bin.mjs', 'lint', '--no-progress', '.') },
  ],
  [
    { name: 'typecheck', node: bin('typescript-7/bin/tsc', '--project', '.ci/tsconfig.check.json') },
    { name: 'build', node: script('build.mjs'), needed: true },
  ],
  // Jest's tests wait for servers a quarter of the time: the other steps compute meanwhile.
  [
    { name: 'jest', node: bin('jest/bin/jest.js', '--ci', '--json', `--outputFile=${jestResult}`), live: true },
    [
      { name: 'lint', node: bin('oxlint/bin/oxlint', '.') },
      { name: 'packages', node: script('packages.mjs') },
      { name: 'api', node: script('api.mjs', '--check') },
      { name: 'runtimes', node: script('runtimes.mjs', 'node'), shown: true },
    ],
  ],
];

/** Three workers and another step share two cores, which may be slow: conditions may take this many times as long as in a test that runs alone. */
const PATIENCE = '4';

const failures = [];

/** Step → its whole output. */
const printedBy = new Map();

/** Runs a step. Gives its exit status, or the error that kept it from starting, and its whole output. */
function run(node, live) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, node, {
      cwd: root,
      // Jest reports its progress on stderr. Its stdout is the JSON that is also in the output file.
      stdio: ['ignore', live ? 'ignore' : 'pipe', 'pipe'],
      env: { HOLDFAST_PATIENCE: PATIENCE, ...process.env, CI: 'true', FORCE_COLOR: '0', ...shared },
      // Only a step that hangs takes it: Jest took 44 minutes on a machine with much else to do.
      timeout: 120 * minute,
    });
    const printed = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => printed.push(data));
    if (live) child.stderr.pipe(process.stderr, { end: false });
    const end = (failure) => resolve({ failure, printed: Buffer.concat(printed).toString() });
    child.on('error', ({ message }) => end(message));
    child.on('close', (status, signal) => end(status === 0 ? undefined : (signal ?? `exit ${status}`)));
  });
}

/** Runs a step, and notes its failure. Says whether it makes sense to go on. */
async function runStep({ name, node, shown, live, needed }) {
  const began = performance.now();
  const { failure, printed } = await run(node, live);
  printedBy.set(name, printed);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const ok = failure === undefined;
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)${ok ? '' : `: ${failure}`}`);
  if (!live && (shown || !ok)) process.stdout.write(printed.replace(/^(?=.)/gm, '  '));
  if (!ok) failures.push(`step ${name}`);
  return ok || needed !== true;
}

/** Runs a step, or a sequence of them. Says whether it makes sense to go on. */
async function runOne(step) {
  for (const each of [step].flat()) {
    if (!(await runStep(each))) return false;
  }
  return true;
}

/** Jest's totals. A suite that could not even start counts as one failed test. */
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

/** Where Jest's time went: its slowest files, in seconds. */
function slowestFiles() {
  if (!existsSync(jestResult)) return [];
  const files = JSON.parse(readFileSync(jestResult, 'utf8')).testResults.map(({ name, startTime, endTime }) => ({
    file: relative(root, name),
    seconds: (endTime - startTime) / 1000,
  }));
  const slowest = files.sort((a, b) => b.seconds - a.seconds).slice(0, 10);
  return slowest.map(({ file, seconds }) => `  ${seconds.toFixed(1).padStart(6)} s  ${file}`);
}

/** The mutants that name a test which did not run. Of a run that was cut short they say nothing. */
async function mutantsWithoutTest() {
  if (!existsSync(jestResult)) return [];
  const { mutants, withoutTheirTest } = await import('../checks/mutation/dist/esm/index.js');
  const report = JSON.parse(readFileSync(jestResult, 'utf8'));
  return withoutTheirTest(Object.values(mutants).flat(), report, root).map(
    ({ name, caughtBy: { test, name: named } }) =>
      `the mutant ${name} names a test that is not there: ${test} "${named}"`,
  );
}

/** The versions that the step `etcd` made available. */
function etcdVersions() {
  return [...(printedBy.get('etcd') ?? '').matchAll(/^(\d+\.\d+\.\d+)=/gm)].map(([, version]) => version);
}

/** The versions of PostgreSQL that run the whole suite: of those that the step `postgres` made available the newest, or all. */
function postgresVersions() {
  const versions = [...(printedBy.get('postgres') ?? '').matchAll(/^(\d+\.\d+)=/gm)].map(([, version]) => version);
  return process.env.HOLDFAST_VERSIONS === 'all' ? versions : versions.slice(0, 1);
}

try {
  for (const together of steps) {
    const goOn = await Promise.all(together.map(runOne));
    if (goOn.includes(false)) break;
  }

  const { passed, failed, pending } = jestTotals();
  const report = readReport(conformance);
  failures.push(...reportProblems(report, etcdVersions(), postgresVersions()));
  failures.push(...(await mutantsWithoutTest()));
  const excused = [...report.values()].reduce((sum, { skipped }) => sum + skipped, 0);
  if (pending !== excused) {
    failures.push(
      `${pending} tests were skipped; the conformance suite accounts for ${excused}, and no other test may be`,
    );
  }

  if (/worker process has failed to exit gracefully/.test(printedBy.get('jest') ?? '')) {
    failures.push(
      'a worker of Jest did not end by itself: a test left something open, a connection, a timer or a server',
    );
  }

  console.log(`\n${formatReport(report)}`);
  console.log(['', 'The slowest test files', ...slowestFiles()].join('\n'));
  for (const failure of failures) console.log(`FAILED: ${failure}`);
  const besideJest = failures.filter((failure) => failure !== 'step jest').length;
  console.log(`\nin ${(performance.now() / minute).toFixed(1)} minutes`);
  console.log(`${passed} passed, ${failed + besideJest} failed`);
  process.exitCode = failed + failures.length === 0 ? 0 : 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
