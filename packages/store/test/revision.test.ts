import { describe, expect, test } from '@jest/globals';
import { toRevision } from '@holdfast/store';

describe('a revision is a positive safe integer, never rounded', () => {
  test.each([1, 42n, '9007199254740991', Number.MAX_SAFE_INTEGER])('%p is one', (value) => {
    expect(toRevision(value)).toBe(Number(value));
  });

  test.each([0, -1, 1.5, NaN, Infinity, 2 ** 53, 2n ** 53n, '9007199254740993', '', ' 5', '0x10', '1e3'])(
    '%p is not',
    (value) => {
      expect(() => toRevision(value)).toThrow(/is not a positive integer/);
    },
  );
});
