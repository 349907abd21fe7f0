import type { Revision } from './revision.js';

/** A lease's id as a decimal string: etcd's are 64-bit integers, past what a JavaScript number can hold (C3). */
export type LeaseId = string;

/** One key of the store, as it was at one revision. */
export interface KeyValue {
  readonly key: string;
  /** The value's bytes; empty where only keys were asked for. Treat it as read-only. */
  readonly value: Uint8Array;
  /** The revision that created the key, since it was last deleted. */
  readonly createRevision: Revision;
  /** The revision of its last change. */
  readonly modRevision: Revision;
  /** How many writes since it was created, from 1. Only where capability `versions` says so. */
  readonly version?: number;
  /** The lease it is attached to. */
  readonly lease?: LeaseId;
  /** When it expires, in milliseconds since the epoch by the server's clock, where the backend tells. */
  readonly expiresAt?: number;
}

/** A key found in the store that is not UTF-8: reported as it is, never mangled and never merged (C1). */
export interface UndecodableKey {
  readonly rawKey: Uint8Array;
  /** Its last change. */
  readonly revision: Revision;
  /** True in a watch batch that tells of its deletion. */
  readonly deleted: boolean;
}
