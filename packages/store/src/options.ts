import type { ValueInput } from './bytes.js';
import type { KeyValue, LeaseId, UndecodableKey } from './key-value.js';
import type { Bookmark, Revision } from './revision.js';

/** Options of every call. */
export interface CallOptions {
  /** Ends the call with an `aborted` error. A write that may have been sent then says `outcome: 'unknown'`. */
  readonly signal?: AbortSignal | undefined;
  /** The most milliseconds that the call may take, then `timeout`. Defaults to the store's own setting. */
  readonly timeoutMs?: number | undefined;
}

/** `'linearizable'` reflects every write acknowledged before the read; `'serializable'` may be stale, and is cheaper. */
export type Consistency = 'linearizable' | 'serializable';

export interface GetOptions extends CallOptions {
  /** The state at this past revision. */
  readonly revision?: Revision | number | undefined;
  readonly consistency?: Consistency | undefined;
}

export interface SortOrder {
  readonly target: 'key' | 'version' | 'createRevision' | 'modRevision' | 'value';
  readonly order: 'ascend' | 'descend';
}

export interface ListOptions extends GetOptions {
  /** The most items to return, from 1; `more` says whether there were others. */
  readonly limit?: number | undefined;
  /** Items without their values. */
  readonly keysOnly?: boolean | undefined;
  /** No items, just `count`. */
  readonly countOnly?: boolean | undefined;
  /** Only items changed at this revision or later. `count` is not filtered. Needs capability `deltaReads`. */
  readonly minModRevision?: Revision | number | undefined;
  /** By key, ascending, unless told. */
  readonly sort?: SortOrder | undefined;
}

export interface ListResult {
  readonly items: readonly KeyValue[];
  /** The revision that was read: a watch `after` it continues without a gap. */
  readonly bookmark: Bookmark;
  /** How many keys the range holds at that revision, whatever the limit or filter; undecodable ones included. */
  readonly count: number;
  readonly more: boolean;
  readonly undecodable: readonly UndecodableKey[];
}

export interface ScanOptions extends GetOptions {
  readonly keysOnly?: boolean | undefined;
  /** Only entries changed at this revision or later. Needs capability `deltaReads`. */
  readonly minModRevision?: Revision | number | undefined;
}

/** A part of a scan, decoded on demand: nothing but what is asked for is built. Indexes run from 0 to `length` − 1. */
export interface Page {
  /** The same on every page of a scan. */
  readonly bookmark: Bookmark;
  /** How many keys the whole range holds at that revision, whatever the filter. */
  readonly total: number;
  readonly more: boolean;
  readonly length: number;
  key(index: number): string;
  value(index: number): Uint8Array;
  modRevision(index: number): Revision;
  createRevision(index: number): Revision;
  version(index: number): number | undefined;
  /** The bytes of buffers that stay in memory while a value of this page is held. */
  readonly retainedBytes: number;
  readonly undecodable: readonly UndecodableKey[];
}

export interface PutOptions extends CallOptions {
  /** Attach the key to this lease. Without `lease`, `ttl` or `ignoreLease` the key is detached. */
  readonly lease?: LeaseId | undefined;
  /** Seconds to live, a whole number from 1 (C8). The granted time comes back in the result. */
  readonly ttl?: number | undefined;
  /** Return the previous entry. */
  readonly previous?: boolean | undefined;
  /** Keep the value there is (the one passed must be empty); `not-found` where there is none. */
  readonly ignoreValue?: boolean | undefined;
  /** Keep the lease there is; `not-found` where there is no such key. */
  readonly ignoreLease?: boolean | undefined;
}

/** The condition of a guarded write: exactly one of these. */
export type PutGuard =
  | { readonly ifAbsent: true }
  | { readonly ifPresent: true }
  | { readonly ifModRevision: Revision | number }
  | { readonly ifValue: ValueInput };

export interface PutResult {
  readonly revision: Revision;
  readonly previous?: KeyValue;
  /** The seconds granted, where `ttl` was asked for: a server may grant more than was asked. */
  readonly ttl?: number;
  /** The lease granted for `ttl`, where the backend has leases. */
  readonly lease?: LeaseId;
}

/** A guard that did not hold is a result, never an exception (C6). */
export interface GuardFailed {
  readonly succeeded: false;
  /** The entry that the guard was held against; `undefined` where it is absent, or see capability `guardReturnsCurrent`. */
  readonly current?: KeyValue;
}

export type GuardedPutResult = ({ readonly succeeded: true } & PutResult) | GuardFailed;

export interface DeleteOptions extends CallOptions {
  /** Return the deleted entries. */
  readonly previous?: boolean | undefined;
}

export type DeleteGuard = { readonly ifModRevision: Revision | number } | { readonly ifValue: ValueInput };

export interface DeleteResult {
  readonly revision: Revision;
  /** How many keys were deleted; `undefined` where the backend does not count. */
  readonly deleted: number | undefined;
  /** The deleted entries, where asked for. */
  readonly previous?: readonly KeyValue[];
}

export type GuardedDeleteResult = ({ readonly succeeded: true } & DeleteResult) | GuardFailed;

export interface CompactOptions extends CallOptions {
  /** Return only when the space is reclaimed, not just the history closed. */
  readonly physical?: boolean | undefined;
}

export interface WatchOptions {
  /** "I have everything up to and including this." Without it the watch starts at the current revision. */
  readonly after?: Bookmark | undefined;
  /** Events carry the previous entry where it is still known. */
  readonly previous?: boolean | undefined;
  /** Only puts or only deletes. */
  readonly only?: 'put' | 'delete' | undefined;
  /** How many bytes may wait for the consumer before the watch is paused at the server (C11). */
  readonly bufferBytes?: number | undefined;
  /** Ends the iteration with an `aborted` error. */
  readonly signal?: AbortSignal | undefined;
}
