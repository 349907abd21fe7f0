import { PREFIX } from './world.js';

// The mirrors of collections have one for each of these two, and one for the beacon.
export const COLLECTION_A = `${PREFIX}a/`;
export const COLLECTION_B = `${PREFIX}b/`;

/** One writer, one write after the other, directly at the servers: what a mirror that calls itself live must have by then. */
export const BEACON = `${PREFIX}beacon`;
/** One writer, through the store under test: none of its writes may be applied twice (C7). */
export const COUNTER = `${COLLECTION_A}counter`;

/** Written by one transaction each time, all of them, in both collections: never seen in part (M4). */
export const txnKeys: readonly string[] = [COLLECTION_A, COLLECTION_B].flatMap((collection) =>
  Array.from({ length: 64 }, (_, index) => `${collection}txn/${String(index).padStart(2, '0')}`),
);

/** These expire by themselves, at any moment. */
export const LEASED = `${COLLECTION_B}lease/`;
