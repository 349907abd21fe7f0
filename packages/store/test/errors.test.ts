import { describe, expect, test } from '@jest/globals';
import { CompactedError, isStoreError, STORE_ERROR_CODES, StoreError, toRevision } from '@holdfast/store';
import { withOutcome } from '@holdfast/store/adapter';

describe('one error class', () => {
  test('another copy of the package recognises it by its brand', () => {
    const foreign = Object.assign(new Error('from another copy'), {
      code: 'timeout',
      [Symbol.for('holdfast.StoreError')]: true,
    });
    expect(foreign instanceof StoreError).toBe(false);
    expect(isStoreError(foreign)).toBe(true);
    expect(isStoreError(foreign, 'timeout')).toBe(true);
    expect(isStoreError(foreign, 'closed')).toBe(false);
  });

  test.each([undefined, null, 'timeout', {}, new Error('x'), { code: 'timeout' }])('%p is none', (value) => {
    expect(isStoreError(value)).toBe(false);
  });

  test('only unavailable and timeout are retryable unless told', () => {
    expect(STORE_ERROR_CODES.filter((code) => new StoreError(code, '').retryable)).toEqual(['unavailable', 'timeout']);
    expect(new StoreError('internal', '', { retryable: true }).retryable).toBe(true);
  });

  test('compaction carries its revision, under its own code', () => {
    const error = new CompactedError('gone', { compactRevision: toRevision(9), revision: toRevision(12) });
    expect(isStoreError(error, 'compacted')).toBe(true);
    expect([error.code, error.compactRevision, error.revision, error.name]).toEqual([
      'compacted',
      9,
      12,
      'CompactedError',
    ]);
  });

  test('withOutcome keeps everything else, and the original as its cause', () => {
    const original = new StoreError('unavailable', 'cut', { endpoint: 'a:1', retryable: false });
    const error = withOutcome(original, 'unknown');
    expect(error).toMatchObject({
      code: 'unavailable',
      message: 'cut',
      endpoint: 'a:1',
      retryable: false,
      outcome: 'unknown',
    });
    expect(error.cause).toBe(original);
    expect(withOutcome(error, 'unknown')).toBe(error);
  });

  test('withOutcome keeps what a compaction tells', () => {
    const error = withOutcome(new CompactedError('gone', { compactRevision: toRevision(9) }), 'not-applied');
    expect(error).toMatchObject({
      code: 'compacted',
      compactRevision: 9,
      outcome: 'not-applied',
      name: 'CompactedError',
    });
  });

  test('an absent cause is absent', () => {
    expect('cause' in new StoreError('closed', '')).toBe(false);
  });
});
