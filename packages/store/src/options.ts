import type { ValueInput } from './bytes.js';
import type { KeyValue, LeaseId, UndecodableKey } from './key-value.js';
import type { Bookmark, Revision } from './revision.js';

/** The options of every call. */
export interface CallOptions {
  /** Ends the call with an `aborted` error. A write that may have been sent then says `outcome: 'unknown'`. */
  readonly signal?: AbortSignal | undefined;
  /** The most milliseconds that the call may take; then it fails with `timeout`. Default: the store's own setting. */
  readonly timeoutMs?: number | undefined;
}

/** `'linearizable'` reflects every write acknowledged before the read. `'serializable'` is cheaper, and may be stale. */
export type Consistency = 'linearizable' | 'serializable';

export interface GetOptions extends CallOptions {
  /** Reads the state at this past revision. */
  readonly revision?: Revision | number | undefined;
  readonly consistency?: Consistency | undefined;
}

export interface SortOrder {
  readonly target: 'key' | 'version' | 'createRevision' | 'modRevision' | 'value';
  readonly order: 'ascend' | 'descend';
}

export interface ListOptions extends GetOptions {
  /** The most items to return, from 1. `more` says whether there are others. */
  readonly limit?: number | undefined;
  /** Returns items without their values and leases: both are left out on every backend. */
  readonly keysOnly?: boolean | undefined;
  /** Returns no items, only `count`. */
  readonly countOnly?: boolean | undefined;
  /** Returns only items changed at this revision or later. `count` is not filtered. Needs capability `deltaReads`. */
  readonly minModRevision?: Revision | number | undefined;
  /** Default: by key, ascending. */
  readonly sort?: SortOrder | undefined;
}

export interface ListResult {
  readonly items: readonly KeyValue[];
  /** The revision that was read. A watch `after` it continues without a gap. */
  readonly bookmark: Bookmark;
  /** The number of keys in the range at that revision, undecodable ones included, whatever the limit or filter. */
  readonly count: number;
  readonly more: boolean;
  readonly undecodable: readonly UndecodableKey[];
}

export interface ScanOptions extends GetOptions {
  /** Gives entries without their values. */
  readonly keysOnly?: boolean | undefined;
  /** Gives only entries changed at this revision or later. Needs capability `deltaReads`. */
  readonly minModRevision?: Revision | number | undefined;
}

/** A part of a scan. It decodes only what is asked for. Indexes run from 0 to `length` − 1. */
export interface Page {
  /** The same on every page of a scan. */
  readonly bookmark: Bookmark;
  /** The number of keys in the whole range at that revision, whatever the filter. */
  readonly total: number;
  readonly more: boolean;
  readonly length: number;
  key(index: number): string;
  /**
   * Whether the key of an entry is `head`, followed by `rest`. For adapters whose pages can tell that sooner than they can give the key: a
   * mirror that reads all keys again finds nearly all of them where it has them.
   */
  isKey?(index: number, head: string, rest: string): boolean;
  value(index: number): Uint8Array;
  modRevision(index: number): Revision;
  createRevision(index: number): Revision;
  version(index: number): number | undefined;
  /** How many bytes stay in memory as long as any value of this page is held. */
  readonly retainedBytes: number;
  readonly undecodable: readonly UndecodableKey[];
}

export interface PutOptions extends CallOptions {
  /** Attaches the key to this lease. Without `lease`, `ttl` or `ignoreLease` the key is detached. */
  readonly lease?: LeaseId | undefined;
  /** Seconds to live, a whole number from 1. The result has the granted time. */
  readonly ttl?: number | undefined;
  /** Returns the previous entry. */
  readonly previous?: boolean | undefined;
  /** Keeps the present value; the value passed must be empty. Fails with `not-found` if there is none. */
  readonly ignoreValue?: boolean | undefined;
  /** Keeps the present lease. Fails with `not-found` if there is no such key. */
  readonly ignoreLease?: boolean | undefined;
}

/** Shown by the compiler where there are two guards. */
export type OneGuard = 'a write has one guard: leave this one out, or use txn() for both';

/** The condition of a guarded write: exactly one. For more, use `txn()`. */
export type PutGuard =
  | {
      readonly ifAbsent: true;
      readonly ifPresent?: OneGuard;
      readonly ifModRevision?: OneGuard;
      readonly ifValue?: OneGuard;
    }
  | {
      readonly ifPresent: true;
      readonly ifAbsent?: OneGuard;
      readonly ifModRevision?: OneGuard;
      readonly ifValue?: OneGuard;
    }
  | (DeleteGuard & { readonly ifAbsent?: OneGuard; readonly ifPresent?: OneGuard });

export interface PutResult {
  readonly revision: Revision;
  readonly previous?: KeyValue;
  /** The seconds granted, if `ttl` was asked for. A server may grant more than was asked for. */
  readonly ttl?: number;
  /** The lease granted for `ttl`, if the backend has leases. */
  readonly lease?: LeaseId;
}

/** The guard did not hold: a result, never an exception. */
export interface GuardFailed {
  readonly succeeded: false;
  /** The entry that the guard was compared with; `undefined` if there is none, or without capability `guardReturnsCurrent`. */
  readonly current?: KeyValue;
}

export type GuardedPutResult = ({ readonly succeeded: true } & PutResult) | GuardFailed;

export interface DeleteOptions extends CallOptions {
  /** Returns the deleted entries. */
  readonly previous?: boolean | undefined;
}

/** The condition of a guarded delete: exactly one. */
export type DeleteGuard =
  | { readonly ifModRevision: Revision | number; readonly ifValue?: OneGuard }
  | { readonly ifValue: ValueInput; readonly ifModRevision?: OneGuard };

export interface DeleteResult {
  readonly revision: Revision;
  /** The number of deleted keys; `undefined` if the backend does not count. */
  readonly deleted: number | undefined;
  /** The deleted entries, if asked for. */
  readonly previous?: readonly KeyValue[];
}

export type GuardedDeleteResult = ({ readonly succeeded: true } & DeleteResult) | GuardFailed;

export interface CompactOptions extends CallOptions {
  /** Returns only when the space is reclaimed, not already when the history is gone. */
  readonly physical?: boolean | undefined;
}

export interface WatchOptions {
  /** "I have everything up to and including this." Without it, the watch starts at the current revision. */
  readonly after?: Bookmark | undefined;
  /** Events carry the previous entry, if it is still known. */
  readonly previous?: boolean | undefined;
  /** Delivers only puts, or only deletes. */
  readonly only?: 'put' | 'delete' | undefined;
  /** How many bytes may wait for the consumer before the watch is paused at the server. */
  readonly bufferBytes?: number | undefined;
  /**
   * Lets the process end although the watch is open: it then holds no timer and no socket that keeps the process alive. Calls under way
   * still do. Default: an open watch keeps the process alive.
   */
  readonly unref?: boolean | undefined;
  /** Ends the iteration with an `aborted` error. */
  readonly signal?: AbortSignal | undefined;
}
