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
  /** All keys of the range are gone; the backend does not say which there were (a directory of etcd v2). */
  | { readonly type: 'delete-range'; readonly revision: Revision; readonly range: Range };

/**
 * What a watch delivers: all events of one or more whole revisions, in order, or the news that there were none
 * (`'progress'`: nothing at or below the bookmark is still to come). `after: batch.bookmark` resumes without loss or repetition.
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
  /** `after`: the bookmark from which the server is following; events past it come from this establishment. */
  | { readonly status: 'live'; readonly since: number; readonly after: Bookmark }
  /** Riding out trouble: reads and events may be late until it is `live` again. */
  | { readonly status: 'interrupted'; readonly since: number; readonly cause: StoreError }
  | { readonly status: 'closed'; readonly error?: StoreError };

/**
 * One followed range, for one consumer (contract C10 to C13). Iteration ends normally after `close()`, throws
 * `aborted` after its signal, and otherwise ends only with a `StoreError` that says why it can't go on.
 */
export interface Watch extends AsyncIterable<WatchBatch>, AsyncDisposable {
  /** Resolves when the watch is established, with the bookmark it follows from; rejects if it ends before. */
  readonly ready: Promise<Bookmark>;
  readonly state: WatchState;
  /** Calls `listener` on every change of state, beside the events and never queued behind them. Returns the unsubscribe. */
  onState(listener: (state: WatchState) => void): () => void;
  close(): Promise<void>;
}
