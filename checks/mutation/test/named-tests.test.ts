import { expect, test } from '@jest/globals';
import { withoutTheirTest, type Mutant } from '../src/index.js';

const mutant: Mutant = {
  name: 'one',
  trap: 1,
  why: 'it is wrong',
  file: 'a.ts',
  find: 'a',
  replace: 'b',
  caughtBy: { test: 'packages/a/test/a.test.ts', name: 'etcd 3.5.\\d+ .*is found' },
};

const report = (name: string, ...fullNames: readonly string[]) => ({
  testResults: [{ name, assertionResults: fullNames.map((fullName) => ({ fullName })) }],
});

const FILE = '/project/packages/a/test/a.test.ts';

test('a mutant whose test ran lacks nothing', () => {
  const ran = report(FILE, 'another', 'Etcd 3.5.30 of a user: is found');
  expect(withoutTheirTest([mutant], ran, '/project')).toEqual([]);
});

test.each([
  ['has another name now', report(FILE, 'etcd 3.4.23 is found', 'etcd 3.5.30 was found')],
  ['is in another file', report('/project/packages/b/test/a.test.ts', 'etcd 3.5.30 is found')],
  ['is in no file', { testResults: [] }],
])('a mutant whose test %s is named', (_what, ran) => {
  expect(withoutTheirTest([mutant], ran, '/project')).toEqual([mutant]);
});
