import './globals.js';

export type { ValueInput } from './bytes.js';
export type { Capabilities } from './capabilities.js';
export type { StoreCallEvent, StoreChannels, StoreConnectionEvent } from './channels.js';
export type { Clock, TimerHandle } from './clock.js';
export type { ConfigStore } from './config-store.js';
export {
  CompactedError,
  isStoreError,
  STORE_ERROR_CODES,
  StoreError,
  type StoreErrorCode,
  type StoreErrorJson,
  type StoreErrorOptions,
  type WriteOutcome,
} from './errors.js';
export { fenced, type FencedOptions } from './fenced.js';
export type { KeyValue, LeaseId, UndecodableKey } from './key-value.js';
export type { GrantOptions, Lease, Leases, LeaseStatus } from './leases.js';
export { fromPino, silentLogger, type Logger, type PinoLogger } from './logger.js';
export {
  openStore,
  type AdapterOpenOptions,
  type ConfigurableAdapter,
  type OpenStoreOptions,
  type StoreAdapter,
} from './open-store.js';
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
  OneGuard,
  Page,
  PutGuard,
  PutOptions,
  PutResult,
  ScanOptions,
  SortOrder,
  WatchOptions,
} from './options.js';
export type { OneRange, Range } from './range.js';
export { readOnly } from './read-only.js';
export { toRevision, type Bookmark, type Revision } from './revision.js';
export type { StoreMember, StoreStatus } from './status.js';
export type { StoreUrl } from './store-url.js';
export type { Compare, CompareOperator, Op, OpResult, Txn, TxnListOptions, TxnResult } from './txn.js';
export type { Watch, WatchBatch, WatchEvent, WatchState } from './watch.js';
export { withPrefix } from './with-prefix.js';
