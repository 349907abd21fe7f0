import type { StoreError } from '@holdfast/store';

/** Where a replication stands. `since`: since when the status is what it is, in milliseconds since the epoch. */
export type ReplicationState =
  /** Reaching both stores, and comparing them. */
  | { readonly status: 'starting'; readonly since: number }
  /** Writing what the comparison has shown: so many writes of so many. */
  | { readonly status: 'copying'; readonly since: number; readonly done: number; readonly total: number }
  /** Everything was carried over; what changes in the source follows. */
  | { readonly status: 'following'; readonly since: number }
  /** A store does not answer. The replication goes on when it does. */
  | {
      readonly status: 'interrupted';
      readonly since: number;
      readonly store: 'source' | 'target';
      readonly cause: StoreError;
    }
  /** It ended by itself, and changes nothing any more. Start it again when the cause is mended. */
  | { readonly status: 'stopped'; readonly since: number; readonly error: StoreError }
  /** `close()` was called, or the signal aborted. */
  | { readonly status: 'closed'; readonly since: number };
