import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { runMutant } from '../src/index.js';

const root = join(__dirname, '..', '..', '..');

describe('for one test, in a Jest of its own,', () => {
  const caughtBy = { test: 'packages/store/test/range.test.ts', name: 'trap 13: ' };
  const file = 'packages/store/src/range.ts';
  const find = 'return key.startsWith(this.prefix);';

  test.each([
    ['a change that changes nothing is survived', { file, find, replace: `${find} // As it was.` }, 'survived'],
    ['a bug is caught', { file, find, replace: 'return key.includes(this.prefix) || key.length > 2;' }, 'caught'],
    ['a change that is no program is no finding', { file, find, replace: 'return nothing;' }, 'broken'],
    ['a text that is not there is no finding', { file, find: 'no such text', replace: '' }, 'broken'],
  ] as const)('%s', async (_name, mutation, kind) => {
    expect((await runMutant(root, { caughtBy }, mutation)).verdict).toMatchObject({ kind });
  });
});
