import { describe, expect, it } from '@jest/globals';
import { isStoreError, toRevision, type KeyValue, type Revision } from '@holdfast/store';
import { encodeUtf8, KeyRange, runTxn, runTxnSync, type DriverTxn, type SyncTxnState } from '@holdfast/adapter-kit';

function memoryState(): SyncTxnState & { readonly entriesNow: Map<string, KeyValue> } {
  const entriesNow = new Map<string, KeyValue>();
  const revision = toRevision(2);
  return {
    entriesNow,
    before: { revision: toRevision(1), identity: 'here' },
    entries: (range) => [...entriesNow.values()].filter(({ key }) => range.contains(key)),
    put: (key, value) => {
      entriesNow.set(key, { key, value, createRevision: revision, modRevision: revision, version: 1 });
    },
    delete: (range) => {
      for (const key of [...entriesNow.keys()]) if (range.contains(key)) entriesNow.delete(key);
    },
    revision: (): Revision => revision,
  };
}

const PUT = { lease: undefined, ttl: undefined, previous: false, ignoreValue: false, ignoreLease: false } as const;
const put = (key: string) => ({ type: 'put', key, value: encodeUtf8(key), options: PUT }) as const;
const nested: DriverTxn = {
  if: [{ range: KeyRange.ofKey('a'), target: 'version', op: '=', value: 0 }],
  then: [
    put('a'),
    { type: 'txn', txn: { if: [], then: [put('b'), { type: 'get', key: 'a' }], else: [] } },
    { type: 'delete', range: KeyRange.ofKey('c'), options: { previous: true } },
  ],
  else: [],
};

describe('runTxnSync', () => {
  it('gives the result that runTxn gives, in the same turn', async () => {
    const state = memoryState();
    const result = runTxnSync(nested, state);
    expect(result).toEqual(await runTxn(nested, memoryState()));
    expect(result).toMatchObject({
      succeeded: true,
      revision: 2,
      results: [
        { type: 'put', revision: 2 },
        { type: 'txn', revision: 2, results: [{ type: 'put' }, { type: 'get', item: { key: 'a' } }] },
        { type: 'delete', deleted: 0, previous: [] },
      ],
    });
    expect([...state.entriesNow.keys()]).toEqual(['a', 'b']);
  });

  it('throws what the state throws', async () => {
    const failing: SyncTxnState = {
      ...memoryState(),
      checkPut: () => {
        throw new RangeError('refused');
      },
    };
    expect(() => runTxnSync(nested, failing)).toThrow(RangeError);
    await expect(runTxn(nested, failing)).rejects.toThrow(RangeError);
  });

  it('names a state that gives a promise', () => {
    const late = { ...memoryState(), put: () => Promise.reject(new Error('late')) };
    let thrown: unknown;
    try {
      runTxnSync(nested, late);
    } catch (error) {
      thrown = error;
    }
    expect(isStoreError(thrown, 'internal')).toBe(true);
    expect(String(thrown)).toMatch(/the state of runTxnSync\(\) gave a promise; use runTxn\(\)/);
  });
});
