import { describe, expect, test } from '@jest/globals';
import { CompactedError, StoreError, toRevision } from '@holdfast/store';
import { THROWN_VALUES } from './support/thrown-values.js';

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('an error survives JSON.stringify', () => {
  test('with its message, its endpoint and its causes', () => {
    const socket = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:2379'), {
      code: 'ECONNREFUSED',
      errno: -111,
    });
    const cause = new StoreError('unavailable', 'etcd is unreachable', {
      endpoint: 'http://127.0.0.1:2379',
      cause: socket,
    });
    const error = new StoreError('timeout', 'no answer within 100 ms', { cause, outcome: 'unknown' });
    expect(json({ error })).toEqual({
      error: {
        name: 'StoreError',
        code: 'timeout',
        message: 'no answer within 100 ms',
        outcome: 'unknown',
        retryable: true,
        cause: {
          name: 'StoreError',
          code: 'unavailable',
          message: 'etcd is unreachable',
          endpoint: 'http://127.0.0.1:2379',
          retryable: true,
          cause: { name: 'Error', code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 127.0.0.1:2379' },
        },
      },
    });
  });

  test('a compaction with its revisions', () => {
    const error = new CompactedError('gone', { compactRevision: toRevision(9), revision: toRevision(12) });
    expect(json(error)).toMatchObject({ name: 'CompactedError', code: 'compacted', compactRevision: 9, revision: 12 });
  });

  test('the several causes of one failure, as of a host with two addresses', () => {
    const cause = new AggregateError([new Error('connect ECONNREFUSED ::1:1'), new Error('connect EHOSTUNREACH')]);
    const shown = JSON.stringify(new StoreError('unavailable', 'no endpoint answers', { cause }));
    expect(shown).toMatch(/ECONNREFUSED ::1:1.*EHOSTUNREACH/);
  });

  test('nothing but what it is known to tell: other properties of a cause may be secrets', () => {
    const cause = Object.assign(new Error('refused'), {
      headers: { authorization: 'Basic hunter2' },
      password: 'secret',
    });
    expect(json(new StoreError('unavailable', 'no', { cause }))).toMatchObject({
      cause: { name: 'Error', message: 'refused' },
    });
    expect(JSON.stringify(new StoreError('unavailable', 'no', { cause }))).not.toMatch(/hunter2|secret/);
  });

  test('causes in a circle, and endless ones, end', () => {
    const error = new StoreError('internal', 'first');
    const second = new StoreError('internal', 'second', { cause: error });
    Object.assign(error, { cause: second });
    expect(JSON.stringify(error).length).toBeLessThan(2_000);
    const issues = Array.from({ length: 10_000 }, (_, index) => ({ message: `issue ${index}` }));
    expect(JSON.stringify(new StoreError('internal', 'many', { cause: issues })).length).toBeLessThan(2_000);
  });

  test.each(THROWN_VALUES.filter(([, value]) => value !== undefined))('a cause that is %s', (_what, cause, text) => {
    expect(JSON.stringify(new StoreError('internal', 'failed', { cause }))).toMatch(text);
  });

  test.each([
    [10n, '10'],
    [Number.NaN, 'NaN'],
  ])('a cause that JSON does not know: %p', (cause, text) => {
    expect(json(new StoreError('internal', 'failed', { cause }))).toMatchObject({ cause: text });
  });
});
