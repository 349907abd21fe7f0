import { expect, test } from '@jest/globals';
import { KeyRange, runTxn, type DriverTxn, type TxnState, type UndecodableEntry } from '@holdfast/adapter-kit';
import type { Revision } from '@holdfast/store';

const RAW: UndecodableEntry = {
  rawKey: Uint8Array.of(0x61, 0xff),
  revision: 5 as Revision,
  deleted: false,
  value: Uint8Array.of(1),
  createRevision: 5,
  modRevision: 5,
  version: 1,
};

/** A state that holds one entry, whose key is not UTF-8. */
function stateOf(deleted: KeyRange[]): TxnState {
  return {
    before: { revision: 5 as Revision, identity: 'it' },
    entries: () => [],
    undecodable: (range) => (range.contains(RAW.rawKey) ? [RAW] : []),
    put: () => undefined,
    delete: (range) => deleted.push(range),
    revision: () => 6 as Revision,
  };
}

const all = KeyRange.ofPrefix('');
const list = {
  revision: undefined,
  consistency: 'linearizable',
  limit: undefined,
  keysOnly: false,
  countOnly: false,
  minModRevision: undefined,
  sort: undefined,
} as const;

test('a transaction counts, lists and deletes keys that are not UTF-8', async () => {
  const deleted: KeyRange[] = [];
  const txn: DriverTxn = {
    if: [],
    then: [
      { type: 'list', range: all, options: list },
      { type: 'delete', range: all, options: { previous: false } },
    ],
    else: [],
  };
  const { results, revision } = await runTxn(txn, stateOf(deleted));
  expect(results[0]).toMatchObject({ count: 1, undecodable: [{ rawKey: RAW.rawKey, revision: 5 }] });
  expect(results[1]).toMatchObject({ deleted: 1, revision: 6 });
  expect([deleted, revision]).toEqual([[all], 6]);
});

test('a compare of a range sees keys that are not UTF-8', async () => {
  const compared = async (value: number) => {
    const compare = { range: all, op: '=', target: 'version', value } as const;
    return (await runTxn({ if: [compare], then: [], else: [] }, stateOf([]))).succeeded;
  };
  expect(await compared(1)).toBe(true);
  // Version 0 is that of a range without keys.
  expect(await compared(0)).toBe(false);
});
