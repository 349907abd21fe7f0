/**
 * What a backend can do, as data that users and the conformance suite read (contract C15). A conformance case is
 * skipped only through one of these; a call that needs what is not there is `unsupported` before anything is sent.
 */
export interface Capabilities {
  /** `'multi-key'`: any `txn`, atomic at one revision. `'single-key'`: guarded writes of one key only. */
  readonly transactions: 'multi-key' | 'single-key';
  /** How far back a watch can resume. */
  readonly history: 'until-compacted' | { readonly events: number } | 'none';
  readonly compaction: boolean;
  readonly leases: boolean;
  /** `leases.list` tells all leases of the store. False in views of a part of it. */
  readonly leaseListing: boolean;
  /** `put` takes `ttl`. */
  readonly ttl: boolean;
  /** Values may be any bytes; otherwise they must be valid UTF-8. */
  readonly binaryValues: boolean;
  /** Reads take `revision`. */
  readonly historicalReads: boolean;
  /** Reads take `minModRevision`. */
  readonly deltaReads: boolean;
  /** `KeyValue.version` is told, and can be compared. */
  readonly versions: boolean;
  /** Whether a watch's bookmark moves while its own range is idle (`'exact'`) or only with its events. */
  readonly progress: 'exact' | 'events-only';
  /** `'path'`: keys the backend would change are refused: see contract C1. */
  readonly keySyntax: 'any' | 'path';
  /** A failed guard's `current` was read atomically with the decision. */
  readonly guardReturnsCurrent: boolean;
  /** `'any'`: any range can be deleted at one revision. `'directory'`: only exact directories. */
  readonly rangeDeletes: 'any' | 'directory';
  /** Consistency levels that `get` and `list` really distinguish. */
  readonly serializableReads: boolean;
  /** Events and writes can carry the previous value. */
  readonly previousValues: boolean;
  /** The most operations in one branch of a transaction, where the backend has a limit. */
  readonly maxTxnOperations?: number;
  /** The largest request in bytes, where the backend has a limit. */
  readonly maxRequestBytes?: number;
}
