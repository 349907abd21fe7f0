import type { Revision } from './revision.js';

/** A lease's id as a decimal string. etcd's ids are 64-bit integers, which a JavaScript number can't hold. */
export type LeaseId = string;

/** One key of the store, as it was at one revision. */
export interface KeyValue {
  readonly key: string;
  /** The value's bytes; empty if only keys were asked for. Treat them as read-only. */
  readonly value: Uint8Array;
  /** The revision that created the key after its last deletion. */
  readonly createRevision: Revision;
  /** The revision of its last change. */
  readonly modRevision: Revision;
  /** The number of writes since the key was created, from 1. Needs capability `versions`. */
  readonly version?: number;
  /** The lease it is attached to. */
  readonly lease?: LeaseId;
  /** When the key expires, in milliseconds since the epoch by the server's clock, if the backend gives it. */
  readonly expiresAt?: number;
}

/** A key of the store that is not UTF-8. It is reported as it is, never mangled and never merged. */
export interface UndecodableKey {
  readonly rawKey: Uint8Array;
  /** The revision of its last change. */
  readonly revision: Revision;
  /** True in a watch batch if the key was deleted. */
  readonly deleted: boolean;
}
