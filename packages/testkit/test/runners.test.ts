import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { conformanceCases, type ConformanceReport } from '@holdfast/testkit';

// Each runner runs the whole suite on the memory store, in a process of its own. What it shows, and what the report says, must agree.

const root = join(__dirname, '..', '..', '..');
let work = '';

beforeAll(async () => {
  // Inside the workspace, so that the runners are found from there.
  mkdirSync(join(root, '.cache'), { recursive: true });
  work = mkdtempSync(join(root, '.cache', 'runners-'));
  const bundles = Object.entries(FILES).map(([binding, file]) => bundling(binding, file));
  const script = `for (const options of ${JSON.stringify(bundles)}) require('esbuild').buildSync(options);`;
  expect(await run(root, ['-e', script])).toBe('');
});

afterAll(() => {
  rmSync(work, { recursive: true, force: true });
});

/** Runs a script in Node. Gives what it printed, whatever its exit code. */
async function run(cwd: string, args: readonly string[]): Promise<string> {
  const {
    NODE_OPTIONS: _,
    JEST_WORKER_ID: __,
    NODE_TEST_CONTEXT: ___,
    HOLDFAST_CONFORMANCE_REPORT: ____,
    ...env
  } = process.env;
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd, env, maxBuffer: 64 * 1024 * 1024 }, (_error, stdout, stderr) => {
      resolve(stdout + stderr);
    });
  });
}

/** What an author writes, for one runner: the memory store, without a hook for outages, and one store that forgets what it was given. */
const fixture = (binding: string) => `
import { memoryStore } from '@holdfast/memory';
import { simulateLink, virtualClock } from '@holdfast/testkit';
import { describeConformance } from '@holdfast/testkit/${binding}';

describeConformance('healthy', () => {
  const clock = virtualClock(Date.now());
  const data = memoryStore({ clock });
  return {
    scanKeys: 100,
    backlogRevisions: 30,
    open: (options) => data.connect(options),
    hooks: { passTime: (ms) => clock.advance(ms), unreachable: async () => { const { store, link } = simulateLink(data, { clock, endpoint: 'nowhere:1' }); await link.cut(); return { store, endpoint: 'nowhere:1' }; } },
    close: () => data.close(),
  };
}, { report: ['report/healthy.json', 'report/healthy.md'] });
`;

/** Binding → the file that its runner takes. Each has a folder of its own. */
const FILES = { jest: 'kit.test.js', vitest: 'kit.test.mjs', 'node-test': 'kit.test.mjs' } as const;

const folderOf = (binding: keyof typeof FILES) => join(work, binding);

/** What makes the fixture of a runner of the sources: nothing need be built. */
function bundling(binding: string, file: string): object {
  const source = (path: string) => join(root, 'packages', path);
  const packages = readdirSync(join(root, 'packages'));
  return {
    stdin: { contents: fixture(binding), resolveDir: root },
    outfile: join(work, binding, file),
    bundle: true,
    platform: 'node',
    format: file.endsWith('.mjs') ? 'esm' : 'cjs',
    logLevel: 'error',
    tsconfigRaw: {},
    external: ['vitest', '@jest/globals'],
    alias: {
      '@holdfast/store/adapter': source('store/src/adapter.ts'),
      [`@holdfast/testkit/${binding}`]: source(`testkit/src/${binding}.ts`),
      ...Object.fromEntries(packages.map((folder) => [`@holdfast/${folder}`, source(`${folder}/src/index.ts`)])),
    },
  };
}

/** Checks the report that the binding has written, and gives its sums. */
function summaryOf(folder: string): ConformanceReport['summary'] {
  const report = JSON.parse(readFileSync(join(folder, 'report', 'healthy.json'), 'utf8')) as ConformanceReport;
  const { summary, cases } = report;
  expect(cases.filter(({ status }) => status === 'failed')).toEqual([]);
  expect(cases.map(({ id }) => id)).toEqual(conformanceCases.map(({ id }) => id));
  expect(summary.skipped).toBeGreaterThan(20);
  expect(cases.find(({ id }) => id === 'C12.outage-is-ridden-out')?.reason).toBe('the binding has no hook disturbed');
  expect(cases.find(({ id }) => id === 'C14.unavailable-names-the-endpoint')?.simulated).toBe(true);
  expect(report.capabilities?.writes).toBe(true);
  const page = readFileSync(join(folder, 'report', 'healthy.md'), 'utf8');
  expect(page).toContain('# Conformance of healthy\n');
  expect(page).toContain(`**${summary.passed} passed (${summary.simulated} of them over a simulated link), 0 failed, `);
  return summary;
}

test('Jest shows the cases that were skipped as skipped', async () => {
  const folder = folderOf('jest');
  const config = {
    rootDir: folder,
    testEnvironment: 'node',
    transform: {},
    cacheDirectory: join(root, '.cache', 'jest'),
  };
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const output = await run(folder, [jest, '--json', '--outputFile=out.json', '--config', JSON.stringify(config)]);
  const { passed, skipped } = summaryOf(folder);
  const result = JSON.parse(readFileSync(join(folder, 'out.json'), 'utf8')) as Record<string, unknown>;
  expect(result).toMatchObject({ numPassedTests: passed, numPendingTests: skipped, numFailedTests: 0 });
  expect(output).toContain(`${skipped} skipped, ${passed} passed`);
});

test('Vitest shows the cases that were skipped as skipped, with the reasons', async () => {
  const folder = folderOf('vitest');
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const output = await run(folder, [
    vitest,
    'run',
    '--root',
    folder,
    '--reporter=verbose',
    '--reporter=json',
    '--outputFile=out.json',
  ]);
  const { passed, skipped } = summaryOf(folder);
  const result = JSON.parse(readFileSync(join(folder, 'out.json'), 'utf8')) as Record<string, unknown>;
  expect(result).toMatchObject({ numPassedTests: passed, numPendingTests: skipped, numFailedTests: 0 });
  expect(output).toContain('[the binding has no hook disturbed]');
});

test('node:test shows the cases that were skipped as skipped, with the reasons', async () => {
  const folder = folderOf('node-test');
  const output = await run(folder, ['--test', '--test-reporter=tap', 'kit.test.mjs']);
  const { passed, skipped } = summaryOf(folder);
  expect(output).toContain(`\n# pass ${passed}\n`);
  expect(output).toContain(`\n# skipped ${skipped}\n`);
  expect(output).toContain('# SKIP the binding has no hook disturbed');
});
