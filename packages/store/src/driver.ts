import type { Capabilities } from './capabilities.js';
import type { ConfigStore } from './config-store.js';
import type { StoreError } from './errors.js';
import type { KeyValue, LeaseId } from './key-value.js';
import type { Lease, LeaseStatus } from './leases.js';
import type {
  Consistency,
  DeleteResult,
  GuardedDeleteResult,
  GuardedPutResult,
  ListResult,
  Page,
  PutResult,
  SortOrder,
} from './options.js';
import type { KeyRange } from './range.js';
import type { Bookmark, Revision } from './revision.js';
import type { StoreStatus } from './status.js';
import type { CompareOperator, TxnResult } from './txn.js';
import type { WatchBatch } from './watch.js';

/**
 * The interface that an adapter implements. `createStore(driver)` makes a `ConfigStore` of it, and does once for all
 * drivers: closed-store checks, argument validation, capabilities, aborts and time-outs. A driver only translates.
 *
 * Arguments arrive validated and normalised. Every rejection must be a `StoreError`. A driver must settle soon after
 * `call.signal` aborts. For a write, it says `outcome: 'not-applied'` only if nothing was done for certain. Where it says nothing, the wrapper
 * takes a code that is a refusal (`permission-denied`, `lease-not-found`, …) for `'not-applied'`, and every other for `'unknown'`. So a driver
 * that makes a write of several requests says `'unknown'` itself once one of them may have been done.
 */
export interface StoreDriver {
  readonly name: string;
  readonly capabilities: Capabilities;
  /** The endpoints, for messages: never with credentials. */
  readonly endpoints?: readonly string[];
  /** The store that this is a view of, and what the view puts before each key. */
  readonly view?: { readonly store: ConfigStore; readonly prefix: string };
  /** The highest raft term that the store has seen of its history, if there is one. */
  readonly raftTerm?: number | undefined;
  /**
   * What a saved copy knows of the history counts as known from now on, as if the store had seen it itself; it does nothing where the store
   * knows an identity already. An endpoint that belongs to another history is then treated as a foreign one.
   */
  assumeHistory?(known: AssumedHistory): void;
  /**
   * Whether the driver's own sockets and timers keep the process alive while it answers a call. Default: `true`. With `false`, the
   * wrapper does it.
   */
  readonly keepsProcessAlive?: boolean;

  list(range: KeyRange, options: DriverListOptions, call: DriverCall): Promise<ListResult>;
  /** Derived from `list` if absent. */
  get?(key: string, options: DriverGetOptions, call: DriverCall): Promise<KeyValue | undefined>;
  /** Derived from pages of `list` at one revision if absent. */
  scan?(range: KeyRange, options: DriverScanOptions, call: DriverCall): AsyncIterable<Page>;

  put(key: string, value: Uint8Array, options: DriverPutOptions, call: DriverCall): Promise<PutResult>;
  delete(range: KeyRange, options: DriverDeleteOptions, call: DriverCall): Promise<DeleteResult>;
  /** Derived from `txn` if absent. */
  guardedPut?(
    key: string,
    value: Uint8Array,
    guard: DriverGuard,
    options: DriverPutOptions,
    call: DriverCall,
  ): Promise<GuardedPutResult>;
  /** Derived from `txn` if absent. */
  guardedDelete?(
    key: string,
    guard: DriverGuard,
    options: DriverDeleteOptions,
    call: DriverCall,
  ): Promise<GuardedDeleteResult>;
  /** Without it, `txn` is `unsupported`. A driver with capability `'single-key'` refuses what it can't do atomically. */
  txn?(txn: DriverTxn, call: DriverCall): Promise<TxnResult>;

  /** Begins to follow a range, and reports to `sink`. It must not call the sink before it returns. */
  watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch;

  compact?(revision: Revision, options: { readonly physical: boolean }, call: DriverCall): Promise<void>;
  readonly leases?: DriverLeases;
  status(call: DriverCall): Promise<StoreStatus>;
  /** Called once, after all watches were closed. */
  close(): Promise<void>;
}

/** What a saved copy knows of a history. */
export interface AssumedHistory {
  readonly identity: string;
  readonly raftTerm?: number | undefined;
}

/** A driver of a store that can only be read. It may leave out what writes. */
export type ReadingDriver = AnyDriver & { readonly capabilities: Capabilities & { readonly writes: false } };

/** A driver that can write, or one that can't. */
export type AnyDriver = Omit<StoreDriver, 'put' | 'delete'> & Partial<Pick<StoreDriver, 'put' | 'delete'>>;

export interface DriverCall {
  /**
   * Aborts when the caller gives up, the time is out, or the store closes. Its `reason` is the `StoreError` to reject with. A driver that
   * retries tells of each failure with `noteFailure(signal, error)`.
   */
  readonly signal: AbortSignal | undefined;
}

export interface DriverGetOptions {
  readonly revision: Revision | undefined;
  readonly consistency: Consistency;
}

export interface DriverListOptions extends DriverGetOptions {
  /** `undefined` for no limit. */
  readonly limit: number | undefined;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  readonly minModRevision: Revision | undefined;
  readonly sort: SortOrder | undefined;
}

export interface DriverScanOptions extends DriverGetOptions {
  readonly keysOnly: boolean;
  readonly minModRevision: Revision | undefined;
}

export interface DriverPutOptions {
  readonly lease: LeaseId | undefined;
  /** Passed only to drivers without `leases`. For others the wrapper grants a lease. */
  readonly ttl: number | undefined;
  readonly previous: boolean;
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
}

export interface DriverDeleteOptions {
  readonly previous: boolean;
}

/** The condition of a guarded write. Deletes have only the last two. */
export type DriverGuard =
  | { readonly kind: 'absent' }
  | { readonly kind: 'present' }
  | { readonly kind: 'modRevision'; readonly modRevision: Revision }
  | { readonly kind: 'value'; readonly value: Uint8Array };

export interface DriverTxn {
  readonly if: readonly DriverCompare[];
  readonly then: readonly DriverOp[];
  readonly else: readonly DriverOp[];
}

export type DriverCompare = { readonly range: KeyRange; readonly op: CompareOperator } & (
  | { readonly target: 'value'; readonly value: Uint8Array }
  | { readonly target: 'version' | 'createRevision' | 'modRevision'; readonly value: number }
  | { readonly target: 'lease'; readonly value: LeaseId }
);

export type DriverOp =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array; readonly options: DriverPutOptions }
  | { readonly type: 'delete'; readonly range: KeyRange; readonly options: DriverDeleteOptions }
  | { readonly type: 'get'; readonly key: string }
  | { readonly type: 'list'; readonly range: KeyRange; readonly options: DriverListOptions }
  | { readonly type: 'txn'; readonly txn: DriverTxn };

export interface DriverLeases {
  grant(ttl: number, id: LeaseId | undefined, call: DriverCall): Promise<Lease>;
  revoke(id: LeaseId, call: DriverCall): Promise<void>;
  keepAlive(id: LeaseId, call: DriverCall): Promise<Lease>;
  timeToLive(id: LeaseId, options: { readonly keys: boolean }, call: DriverCall): Promise<LeaseStatus>;
  list(call: DriverCall): Promise<readonly LeaseId[]>;
}

export interface DriverWatchOptions {
  readonly after: Bookmark | undefined;
  readonly previous: boolean;
  readonly only: 'put' | 'delete' | undefined;
  /** The caller's budget. The wrapper keeps it; a view of another store passes it on. */
  readonly bufferBytes?: number | undefined;
  /**
   * The watch must not keep the process alive. A driver whose sockets and timers never do (see {@link StoreDriver.keepsProcessAlive}) need
   * not look at it: the wrapper keeps the process alive for other watches. A view of another store passes it on.
   */
  readonly unref?: boolean | undefined;
}

/** A driver reports to it what happens to a watch. After `fail`, and after the driver's watch was closed, it may report nothing. */
export interface WatchSink {
  /**
   * The server follows the range from this bookmark. Called at the beginning, and again after each interruption.
   *
   * @param head the store's revision, if it was told with that: a consumer that is far behind may rather read. Don't ask for it.
   */
  established(after: Bookmark, head?: Revision): void;
  /** The watch is interrupted, and the driver retries. */
  interrupted(cause: StoreError): void;
  /**
   * Queues a batch of whole revisions for the consumer. `bytes` is roughly its size in memory. `'full'`: the batch was
   * taken, but the budget is used up. The driver then cancels this watch at the server and pushes nothing more. It
   * follows again from the last pushed bookmark when `DriverWatch.resume` is called. Until then it calls `interrupted`
   * when it loses the connection that brought the queued batches; a driver that keeps no connection calls it at once.
   */
  push(batch: WatchBatch, bytes: number): 'ok' | 'full';
  /** Ends the watch, after the queued batches were delivered. */
  fail(error: StoreError): void;
}

export interface DriverWatch {
  /** The consumer has emptied its queue after a `'full'`. */
  resume(): void;
  /** Stops following, here and at the server. */
  close(): Promise<void>;
}
