import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { root } from './workspace.js';

const config = join('.ci', 'jest.fast.config.mjs');

function node(...args: readonly string[]) {
  return spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
}

/** The exports of `.ci/server-tests.mjs`. Jest can't load ES modules, so another process asks it. */
let sorted: Record<'server' | 'fast' | 'startOthers' | 'callNoLauncher', string[]>;
beforeAll(() => {
  const module = JSON.stringify(join(root, '.ci', 'server-tests.mjs'));
  const script = `import { sortTests, startOthers, callNoLauncher } from ${module};
    console.log(JSON.stringify({ ...sortTests(), startOthers, callNoLauncher }));`;
  sorted = JSON.parse(node('--input-type=module', '--eval', script).stdout) as typeof sorted;
});

test('each test file that Jest finds is either one that needs a server or one that test:fast runs', () => {
  const listed = node(join('node_modules', 'jest', 'bin', 'jest.js'), '--listTests', '--json').stdout;
  const all = (JSON.parse(listed) as string[]).map((path) => path.slice(root.length + 1)).sort();
  const { server, fast } = sorted;
  expect([...server, ...fast].sort()).toEqual(all);
});

test('a test is sorted by what it and its support files import', () => {
  const { server, fast } = sorted;
  expect(server).toContain('packages/testkit/test/etcd.test.ts'); // startEtcd, in the test
  expect(server).toContain('packages/cli/test/e2e-real-input.test.ts'); // availableEtcds, in a support file
  expect(server).toContain('checks/torture/test/campaign.test.ts'); // in the sources that it imports
  expect(server).toContain('packages/cli/test/command/completion.test.ts'); // builds the command
  expect(fast).toContain('packages/testkit/test/proxy.test.ts'); // other names of the testkit
  expect(fast).toContain('packages/core/test/m01-equality.test.ts');
});

test('what is named by hand is there', () => {
  const { startOthers, callNoLauncher } = sorted;
  expect([...startOthers, ...callNoLauncher].filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test('a test that asks for etcd by a way round fails in test:fast, and is told what to do', () => {
  const probe = join('.ci', 'test', 'support', 'asks-for-etcd.ts');
  expect(readFileSync(join(root, probe), 'utf8')).toContain('startEtcd');
  const { status, stderr } = node(
    join('node_modules', 'jest', 'bin', 'jest.js'),
    ...['--config', config, '--testMatch', `<rootDir>/${probe.replaceAll('\\', '/')}`],
  );
  expect(stderr).toContain('findEtcd: there is no etcd in npm run test:fast');
  expect(stderr).toContain('.ci/server-tests.mjs');
  expect(status).toBe(1);
});
