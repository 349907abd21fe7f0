import type { StoreError } from './errors.js';
import type { KeyValue, UndecodableKey } from './key-value.js';
import type { Range } from './range.js';
import type { Bookmark, Revision } from './revision.js';

export type WatchEvent =
  | {
      readonly type: 'put';
      readonly revision: Revision;
      readonly current: KeyValue;
      readonly previous?: KeyValue;
      readonly isCreate: boolean;
    }
  | { readonly type: 'delete'; readonly revision: Revision; readonly key: string; readonly previous?: KeyValue }
  /** All keys of the range are gone. The backend does not say which keys there were (a directory of etcd v2). */
  | { readonly type: 'delete-range'; readonly revision: Revision; readonly range: Range };

/**
 * A watch delivers batches: all events of one or more whole revisions, in order, or `'progress'` without events. Nothing at
 * or below the bookmark of a batch is still to come. `after: batch.bookmark` resumes without loss or repetition.
 */
export interface WatchBatch {
  readonly kind: 'events' | 'progress';
  readonly bookmark: Bookmark;
  readonly events: readonly WatchEvent[];
  readonly undecodable: readonly UndecodableKey[];
}

/** Where a watch stands. Times are milliseconds since the epoch. */
export type WatchState =
  | { readonly status: 'connecting' }
  /**
   * The server follows from the bookmark `after`. Later events come over this connection. `head`: the store's revision at that time, if it
   * told one: what was written up to there is still to come.
   */
  | { readonly status: 'live'; readonly since: number; readonly after: Bookmark; readonly head?: Revision }
  /** Reconnecting: events may be late until the watch is `live` again. */
  | { readonly status: 'interrupted'; readonly since: number; readonly cause: StoreError }
  | { readonly status: 'closed'; readonly error?: StoreError };

/**
 * Follows one range, for one consumer. The iteration ends normally after `close()`, and with `aborted` after
 * its signal. Otherwise it ends only with a `StoreError` that says why the watch can't go on.
 */
export interface Watch extends AsyncIterable<WatchBatch>, AsyncDisposable {
  /** Resolves when the watch is established, with the bookmark that it follows from. Rejects if the watch ends before. */
  readonly ready: Promise<Bookmark>;
  readonly state: WatchState;
  /** Calls `listener` on every change of state, never queued behind events. Returns a function that unsubscribes. */
  onState(listener: (state: WatchState) => void): () => void;
  close(): Promise<void>;
}
