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
 * The contract between an application and a config store, the same on every backend. The page `docs/contract.md` of Holdfast's
 * repository has its clauses. The conformance suite in `@holdfast/testkit` holds every store to them.
 *
 * Every method rejects with a `StoreError` and nothing else. "Not there" is `undefined` or an empty list. An outage is
 * always an error.
 */
export interface ConfigStore extends AsyncDisposable {
  /** The backend: `'memory'`, `'etcd-v3'`, … */
  readonly name: string;
  readonly capabilities: Capabilities;
  /** Leases; every call is `unsupported` where capability `leases` is false. */
  readonly leases: Leases;

  /** The entry of a key, or `undefined` if there is none. */
  get(key: string, options?: GetOptions): Promise<KeyValue | undefined>;

  /** The entries of a range, at one revision, by default in the UTF-8 byte order of their keys. */
  list(range: Range, options?: ListOptions): Promise<ListResult>;

  /**
   * All pages of a range at one revision: the bulk path. An empty range has one empty page. Fails with `compacted`
   * if a compaction overtakes the scan.
   */
  scan(range: Range, options?: ScanOptions): AsyncIterable<Page>;

  /**
   * Writes a key. With a guard, the result says whether the guard held; without one, the write is unconditional. A write
   * that may have reached the server is never repeated: its error says `outcome: 'unknown'`.
   */
  put(key: string, value: ValueInput, options: PutOptions & PutGuard): Promise<GuardedPutResult>;
  put(key: string, value: ValueInput, options?: PutOptions): Promise<PutResult>;

  /** Deletes all keys of a range at one revision. A guard needs a single key. Deleting nothing is not an error. */
  delete(key: string | { readonly key: string }, options: DeleteOptions & DeleteGuard): Promise<GuardedDeleteResult>;
  delete(range: Range, options?: DeleteOptions): Promise<DeleteResult>;

  /** Runs a transaction atomically at one revision, or fails with `unsupported` before anything is sent. */
  txn(txn: Txn, options?: CallOptions): Promise<TxnResult>;

  /** Follows a range. The watch begins at once, and reports its own failures. */
  watch(range: Range, options?: WatchOptions): Watch;

  /** Forgets the history before `revision`. Fails with `compacted` if it is gone already, with `future-revision` past the head. */
  compact(revision: Revision | number, options?: CompactOptions): Promise<void>;

  status(options?: CallOptions): Promise<StoreStatus>;

  /** Ends all watches and calls, and releases sockets and timers. Idempotent. Later calls fail with `closed`. */
  close(): Promise<void>;
}
