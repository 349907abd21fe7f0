import { describe, expect, test } from '@jest/globals';
import { type JestReport, verdictOf } from '../src/index.js';

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
    // It has left something running, which fails behind it.
    expect(verdictOf({ ...report(waited), numRuntimeErrorTestSuites: 1 })).toEqual({ kind: 'caught', by: waited });
  });

  test('whose test passes has not', () => {
    expect(verdictOf(report())).toEqual({ kind: 'survived' });
  });

  test.each([
    ['no test of that name', { ...report(), numPassedTests: 0 }],
    ['a file that can not be run', { ...report(), numPassedTests: 0, numRuntimeErrorTestSuites: 1 }],
    ['an error outside of a test that passes', { ...report(), numRuntimeErrorTestSuites: 1 }],
    ["Jest's own limit of time", report('Error: thrown: "Exceeded timeout of 20000 ms for a test.\nAdd …')],
    ['a mutant that is no program', report('ReferenceError: nothing is not defined\n    at x')],
  ])('proves nothing by %s', (_why, given) => {
    expect(verdictOf(given)).toMatchObject({ kind: 'broken' });
  });
});
