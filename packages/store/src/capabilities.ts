/**
 * What a backend can do, as data for users and for the conformance suite. Conformance cases are skipped only
 * through a capability. A call that needs a missing one is `unsupported` before anything is sent.
 *
 * A capability that an adapter need not declare says what it means undeclared: what every store did before there was such a capability.
 */
export interface Capabilities {
  /** `'multi-key'`: any `txn`, atomic at one revision. `'single-key'`: guarded writes of one key only. */
  readonly transactions: 'multi-key' | 'single-key';
  /** How far back a watch can resume. `events`: only within so many of the latest events. */
  readonly history: 'until-compacted' | { readonly events: number } | 'none';
  readonly compaction: boolean;
  readonly leases: boolean;
  /** `leases.list` gives all leases of the store. False in views of a part of it. */
  readonly leaseListing: boolean;
  /** `put` takes `ttl`. */
  readonly ttl: boolean;
  /** Values may be any bytes. Otherwise they must be valid UTF-8. */
  readonly binaryValues: boolean;
  /** Reads take `revision`. */
  readonly historicalReads: boolean;
  /** Reads take `minModRevision`. */
  readonly deltaReads: boolean;
  /** Entries have a `version`, and transactions can compare it. */
  readonly versions: boolean;
  /** `'exact'`: a watch's bookmark moves while its own range is idle. `'events-only'`: it moves only with events. */
  readonly progress: 'exact' | 'events-only';
  /** `'path'`: keys that the backend would change are refused. */
  readonly keySyntax: 'any' | 'path';
  /** The `current` entry of a failed guard was read atomically with the decision. */
  readonly guardReturnsCurrent: boolean;
  /** `'any'`: any range can be deleted at one revision. `'directory'`: only exact directories. */
  readonly rangeDeletes: 'any' | 'directory';
  /** `consistency: 'serializable'` really makes a cheaper read. */
  readonly serializableReads: boolean;
  /** Events and writes can carry the previous value. */
  readonly previousValues: boolean;
  /**
   * Keys can be written through this store. With `false`, the driver may leave `put` and `delete` out, and all writes are `unsupported`.
   * Undeclared: `true`.
   */
  readonly writes?: boolean;
  /**
   * How a watch tells that a range was deleted: one `'delete'` event for each of its keys, or one `'delete-range'` event for all of them.
   * Undeclared: `'delete-range'` with `rangeDeletes: 'directory'`, otherwise `'delete'`.
   */
  readonly rangeDeleteEvents?: 'delete' | 'delete-range';
  /** The longest key in bytes of UTF-8, where the backend has a limit. Calls that name a longer key are `too-large`. */
  readonly maxKeyBytes?: number;
  /** The longest value in bytes, where the backend has a limit. A put of a longer one, or a comparison with one, is `too-large`. */
  readonly maxValueBytes?: number;
  /** The most operations in one branch of a transaction, where the backend has a limit. */
  readonly maxTxnOperations?: number;
  /** The largest request in bytes, where the backend has a limit. */
  readonly maxRequestBytes?: number;
}
