import { describe, expect, test } from '@jest/globals';
import { isStoreError } from '@holdfast/store';
import { handleRejection, isThenable, messageOf, textOf } from '@holdfast/store/adapter';
import { THROWN_VALUES } from './support/thrown-values.js';

test.each(THROWN_VALUES)('%s has a text', (_what, value, text) => {
  expect(messageOf(value)).toMatch(text);
  expect(typeof textOf(value)).toBe('string');
  expect(isStoreError(value)).toBe(false);
});

describe('a promise', () => {
  const broken = Object.defineProperty({}, 'then', {
    get: () => {
      throw new Error('no then');
    },
  });

  test.each([
    ['a promise', Promise.resolve(1), true],
    ['anything with a then', { then: () => undefined }, true],
    ['a function with one', Object.assign(() => undefined, { then: () => undefined }), true],
    ['an object whose then cannot be read', broken, true],
    ['JSON with a field of that name', { then: 'later' }, false],
    ['an object', {}, false],
    ['a text', 'then', false],
    ['null', null, false],
    ['undefined', undefined, false],
  ])('is told: %s', (_what, value, expected) => {
    expect(isThenable(value)).toBe(expected);
  });

  test('that rejects is reported once, however it does so', async () => {
    const reported: unknown[] = [];
    const report = (error: unknown) => reported.push((error as Error).message);
    handleRejection(Promise.reject(new Error('rejected')), report);
    handleRejection({ then: (_: unknown, reject: (error: Error) => void) => reject(new Error('thenable')) }, report);
    handleRejection(broken, report);
    handleRejection('not one', report);
    handleRejection(Promise.resolve(), report);
    await new Promise((resolve) => setImmediate(resolve));
    expect(reported.sort()).toEqual(['no then', 'rejected', 'thenable']);
  });
});
