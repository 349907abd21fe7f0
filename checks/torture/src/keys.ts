import { PREFIX } from './world.js';

// The mirrors with collections have one for each of these two, and one for the beacon.
export const COLLECTION_A = `${PREFIX}a/`;
export const COLLECTION_B = `${PREFIX}b/`;

/** Written by one writer, one write after another, directly at the servers. A live mirror must show its acknowledged writes. */
export const BEACON = `${PREFIX}beacon`;
/** Written by one writer through the store under test. None of its writes may be applied twice (C7). */
export const COUNTER = `${COLLECTION_A}counter`;

/** All written by the same transaction each time, in both collections. They are never seen partly changed (M4). */
export const txnKeys: readonly string[] = [COLLECTION_A, COLLECTION_B].flatMap((collection) =>
  Array.from({ length: 64 }, (_, index) => `${collection}txn/${String(index).padStart(2, '0')}`),
);

/** These keys expire by themselves, at any moment. */
export const LEASED = `${COLLECTION_B}lease/`;
