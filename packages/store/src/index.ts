export { Backoff, type BackoffOptions } from './backoff.js';
export { bytesEqual, compareBytes, compareKeys, decodeUtf8, encodeUtf8, type ValueInput } from './bytes.js';
export type { Capabilities } from './capabilities.js';
export { systemClock, type Clock, type TimerHandle } from './clock.js';
export type { ConfigStore } from './config-store.js';
export { DelegatingDriver, WatchPump } from './delegate.js';
export type {
  DriverCall,
  DriverCompare,
  DriverDeleteOptions,
  DriverGetOptions,
  DriverGuard,
  DriverLeases,
  DriverListOptions,
  DriverOp,
  DriverPutOptions,
  DriverScanOptions,
  DriverTxn,
  DriverWatch,
  DriverWatchOptions,
  StoreDriver,
  WatchSink,
} from './driver.js';
export {
  CompactedError,
  isRefusedLocally,
  isStoreError,
  refusedLocally,
  STORE_ERROR_CODES,
  StoreError,
  withOutcome,
  type StoreErrorCode,
  type StoreErrorOptions,
  type WriteOutcome,
} from './errors.js';
export { Fifo } from './fifo.js';
export { createStore, GuardedStore, type CreateStoreOptions } from './guarded-store.js';
export type { KeyValue, LeaseId, UndecodableKey } from './key-value.js';
export type { GrantOptions, Lease, Leases, LeaseStatus } from './leases.js';
export { safeLogger, silentLogger, type Logger } from './logger.js';
export { messageOf, textOf } from './message-of.js';
export { openStore, type OpenStoreOptions, type StoreAdapter } from './open-store.js';
export type {
  CallOptions,
  CompactOptions,
  Consistency,
  DeleteGuard,
  DeleteOptions,
  DeleteResult,
  GetOptions,
  GuardedDeleteResult,
  GuardedPutResult,
  GuardFailed,
  ListOptions,
  ListResult,
  Page,
  PutGuard,
  PutOptions,
  PutResult,
  ScanOptions,
  SortOrder,
  WatchOptions,
} from './options.js';
export { ListPage } from './page.js';
export { KeyRange, keySuccessor, prefixEnd, type Range } from './range.js';
export { readOnly } from './read-only.js';
export { toRevision, type Bookmark, type Revision } from './revision.js';
export { sleep } from './sleep.js';
export type { StoreMember, StoreStatus } from './status.js';
export { parseStoreUrl, type StoreUrl } from './store-url.js';
export type { Compare, CompareOperator, Op, OpResult, Txn, TxnListOptions, TxnResult } from './txn.js';
export { handleRejection, isThenable } from './thenable.js';
export type { Watch, WatchBatch, WatchEvent, WatchState } from './watch.js';
export { withPrefix } from './with-prefix.js';
