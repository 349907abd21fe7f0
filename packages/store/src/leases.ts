import type { LeaseId } from './key-value.js';
import type { CallOptions } from './options.js';

export interface Lease {
  readonly id: LeaseId;
  /** Seconds granted: a server may grant more than was asked. */
  readonly ttl: number;
}

export interface LeaseStatus {
  readonly id: LeaseId;
  /** Seconds granted. */
  readonly grantedTtl: number;
  /** Seconds left. */
  readonly ttl: number;
  /** The attached keys that are UTF-8, where asked for. */
  readonly keys?: readonly string[];
}

export interface GrantOptions extends CallOptions {
  /** Ask for this id instead of one of the server's choice; `conflict` where it exists. */
  readonly id?: LeaseId | undefined;
}

/** Leases: keys that go when nobody keeps their lease alive. Calls are `unsupported` where capability `leases` is false. */
export interface Leases {
  /** @param ttl seconds, a whole number from 1. */
  grant(ttl: number, options?: GrantOptions): Promise<Lease>;
  /** Ends the lease and deletes its keys, at one revision. `lease-not-found` where there is none. */
  revoke(id: LeaseId, options?: CallOptions): Promise<void>;
  /** Restarts the lease's time once. `lease-not-found` where there is none. */
  keepAlive(id: LeaseId, options?: CallOptions): Promise<Lease>;
  timeToLive(id: LeaseId, options?: CallOptions & { readonly keys?: boolean }): Promise<LeaseStatus>;
  list(options?: CallOptions): Promise<readonly LeaseId[]>;
}
