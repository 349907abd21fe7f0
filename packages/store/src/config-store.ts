import type { ValueInput } from './bytes.js';
import type { Capabilities } from './capabilities.js';
import type { KeyValue } from './key-value.js';
import type { Leases } from './leases.js';
import type {
  CallOptions,
  CompactOptions,
  DeleteGuard,
  DeleteOptions,
  DeleteResult,
  GetOptions,
  GuardedDeleteResult,
  GuardedPutResult,
  ListOptions,
  ListResult,
  Page,
  PutGuard,
  PutOptions,
  PutResult,
  ScanOptions,
  WatchOptions,
} from './options.js';
import type { Range } from './range.js';
import type { Revision } from './revision.js';
import type { StoreStatus } from './status.js';
import type { Txn, TxnResult } from './txn.js';
import type { Watch } from './watch.js';

/**
 * The contract: what a config store is to an application, whatever backend it was opened on. The numbered clauses
 * (C1 to C16) are in `docs/contract.md`; each is held by cases of the conformance suite in `@holdfast/testkit`.
 *
 * Every method rejects with a `StoreError` and nothing else. "Not there" is `undefined` or an empty list; an outage is
 * always an error, and the two are never confused (C4, C14).
 */
export interface ConfigStore extends AsyncDisposable {
  /** The backend: `'memory'`, `'etcd-v3'`, … */
  readonly name: string;
  readonly capabilities: Capabilities;
  /** Leases (C8); every call is `unsupported` where capability `leases` is false. */
  readonly leases: Leases;

  /** The entry of a key, or `undefined` where there is none. */
  get(key: string, options?: GetOptions): Promise<KeyValue | undefined>;

  /** The entries of a range, at one revision, in UTF-8 byte order of their keys unless told otherwise. */
  list(range: Range, options?: ListOptions): Promise<ListResult>;

  /**
   * All pages of a range at one revision (C5): the bulk path. Iterates at least one page, also for an empty range.
   * `compacted` if a compaction overtakes it.
   */
  scan(range: Range, options?: ScanOptions): AsyncIterable<Page>;

  /**
   * Writes a key. With a guard the result says whether it held; without one it is an unconditional write. A write that
   * may have reached the server is never repeated: the error then says `outcome: 'unknown'` (C6, C7).
   */
  put(key: string, value: ValueInput, options: PutOptions & PutGuard): Promise<GuardedPutResult>;
  put(key: string, value: ValueInput, options?: PutOptions): Promise<PutResult>;

  /** Deletes all keys of a range at one revision. A guard is for a single key only. Nothing there is not an error. */
  delete(key: string | { readonly key: string }, options: DeleteOptions & DeleteGuard): Promise<GuardedDeleteResult>;
  delete(range: Range, options?: DeleteOptions): Promise<DeleteResult>;

  /** Runs a transaction, atomically at one revision, or `unsupported` before anything is sent (C9). */
  txn(txn: Txn, options?: CallOptions): Promise<TxnResult>;

  /** Follows a range (C10 to C13). Begins at once; the returned watch tells how it goes. */
  watch(range: Range, options?: WatchOptions): Watch;

  /** Forgets the history before `revision`. `compacted` where that is done already, `future-revision` past the head. */
  compact(revision: Revision | number, options?: CompactOptions): Promise<void>;

  status(options?: CallOptions): Promise<StoreStatus>;

  /** Ends all watches and calls, and releases sockets and timers. Idempotent. Calls after it are `closed` errors. */
  close(): Promise<void>;
}
