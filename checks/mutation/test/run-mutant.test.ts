import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { runMutant, type JestReport, verdictOf } from '../src/index.js';

const root = join(__dirname, '..', '..', '..');

function report(...failures: readonly string[]): JestReport {
  return {
    numPassedTests: 1,
    numFailedTests: failures.length === 0 ? 0 : 1,
    numRuntimeErrorTestSuites: 0,
    testResults: [
      { message: '', assertionResults: [{ status: 'failed', fullName: 'a test', failureMessages: failures }] },
    ],
  };
}

describe('a run', () => {
  test('whose test fails by an assertion or a wait of its own has caught the mutant', () => {
    const said = 'Error: \u001b[2mexpect(\u001b[22mreceived).toBe(1)\n    at somewhere';
    expect(verdictOf(report(said))).toEqual({ kind: 'caught', by: 'Error: expect(received).toBe(1)' });
    const waited = 'Error: eventually: the condition was still false after 90 tries in 4000 ms';
    expect(verdictOf(report(waited))).toEqual({ kind: 'caught', by: waited });
  });

  test('whose test passes has not', () => {
    expect(verdictOf(report())).toEqual({ kind: 'survived' });
  });

  test.each([
    ['no test of that name', { ...report(), numPassedTests: 0 }],
    ['a file that can not be run', { ...report('Error: x'), numRuntimeErrorTestSuites: 1 }],
    ["Jest's own limit of time", report('Error: thrown: "Exceeded timeout of 20000 ms for a test.\nAdd …')],
    ['a mutant that is no program', report('ReferenceError: nothing is not defined\n    at x')],
  ])('proves nothing by %s', (_why, given) => {
    expect(verdictOf(given)).toMatchObject({ kind: 'broken' });
  });
});

describe('for one test, in a Jest of its own,', () => {
  const caughtBy = { test: 'packages/store/test/range.test.ts', name: 'trap 13: ' };
  const file = 'packages/store/src/range.ts';
  const find = 'return key.startsWith(this.prefix);';

  test.each([
    ['a change that changes nothing is survived', { file, find, replace: `${find} // As it was.` }, 'survived'],
    ['a bug is caught', { file, find, replace: 'return key.includes(this.prefix) || key.length > 2;' }, 'caught'],
    ['a change that is no program is no finding', { file, find, replace: 'return nothing;' }, 'broken'],
    ['a text that is not there is no finding', { file, find: 'no such text', replace: '' }, 'broken'],
  ] as const)(
    '%s',
    async (_name, mutation, kind) => {
      expect((await runMutant(root, { caughtBy }, mutation)).verdict).toMatchObject({ kind });
    },
    120_000,
  );
});
