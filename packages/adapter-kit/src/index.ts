// What adapters implement and reuse, so that an author imports from one place: all of that entry, also what is added to it later.
// oxlint-disable-next-line holdfast/no-export-all -- A list of names would miss the next one.
export * from '@holdfast/store/adapter';

export type { ChangeSource, Changes, ChangesQuery, Head } from './follow/changes.js';
export type { Doorbell, StopListening } from './follow/bell.js';
export { followChanges, type DriverWatchMethod, type FollowChangesOptions } from './follow/follow-changes.js';
export { boundedHistory, BoundedHistory, type BoundedHistoryOptions } from './history/bounded-history.js';
export { v3Capabilities } from './capabilities.js';
export { compactedError, futureRevision, keyNotFound } from './errors.js';
export { leaseExists, leaseNotFound } from './leases/lease-errors.js';
export { driverLeases } from './leases/driver-leases.js';
export { leaseTable, LeaseTable, type LeaseRecord, type LeaseTableOptions } from './leases/lease-table.js';
export { listItems } from './reads/list-items.js';
export { strictDriver, type StrictDriverOptions } from './strict/strict-driver.js';
export { compareHolds, comparePasses, type Comparable } from './txn/compares.js';
export { checkPutSize, checkTxnSize, type RequestLimits } from './txn/request-limits.js';
export { runTxn, runTxnSync, type SyncTxnState, type TxnState, type UndecodableEntry } from './txn/run-txn.js';
