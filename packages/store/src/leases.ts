import type { LeaseId } from './key-value.js';
import type { CallOptions } from './options.js';

export interface Lease {
  readonly id: LeaseId;
  /** Seconds granted. A server may grant more than was asked for. */
  readonly ttl: number;
}

export interface LeaseStatus {
  readonly id: LeaseId;
  /** Seconds granted. */
  readonly grantedTtl: number;
  /** Seconds left. */
  readonly ttl: number;
  /** The attached keys that are UTF-8, if asked for. */
  readonly keys?: readonly string[];
}

export interface GrantOptions extends CallOptions {
  /** Asks for this id instead of one that the server chooses. Fails with `conflict` if it exists. */
  readonly id?: LeaseId | undefined;
}

/** Leases: their keys are deleted when nobody keeps the lease alive. Calls are `unsupported` if capability `leases` is false. */
export interface Leases {
  /** @param ttl seconds, a whole number from 1. */
  grant(ttl: number, options?: GrantOptions): Promise<Lease>;
  /** Ends the lease and deletes its keys, at one revision. Fails with `lease-not-found` if there is none. */
  revoke(id: LeaseId, options?: CallOptions): Promise<void>;
  /** Restarts the lease's time once. Fails with `lease-not-found` if there is none. */
  keepAlive(id: LeaseId, options?: CallOptions): Promise<Lease>;
  timeToLive(id: LeaseId, options?: CallOptions & { readonly keys?: boolean }): Promise<LeaseStatus>;
  list(options?: CallOptions): Promise<readonly LeaseId[]>;
}
