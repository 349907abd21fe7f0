import type { Revision, UndecodableKey, WatchEvent } from '@holdfast/store';
import type { KeyRange } from '@holdfast/store/adapter';

/** Where a store stands: read at once, or in one snapshot. */
export interface Head {
  /** The name of the history, as in bookmarks. Another one after the store was wiped or restored. */
  readonly identity: string;
  /** The newest revision of the whole store. */
  readonly revision: Revision;
}

/**
 * What happened after a revision. All of it must come from one snapshot of the backend (one transaction, one read lock): a head that was
 * read before or after the events makes a watch lose some of them.
 */
export interface Changes {
  readonly identity: string;
  /** The newest revision of the whole store. */
  readonly head: Revision;
  /** The newest revision whose changes are gone, where any are. A watch that has not seen all up to here can't go on. */
  readonly compacted?: number | undefined;
  /** In the order of their revisions. Those outside the range that was asked for may be left out. They are filtered here. */
  readonly events: readonly WatchEvent[];
  /** Changes of keys that are not UTF-8, where the backend can have any. */
  readonly undecodable?: readonly UndecodableKey[];
  /** The events are complete up to here, with whole revisions. The rest is asked for next. Default: `head`. */
  readonly upTo?: Revision | undefined;
}

/** What is asked for. */
export interface ChangesQuery {
  readonly range: KeyRange;
  /** Whether events need the entries that they replaced. */
  readonly previous: boolean;
  /** Aborts when the watch is closed. */
  readonly signal: AbortSignal;
}

/** How an adapter learns of changes. Both functions may give promises. They reject with a `StoreError`. */
export interface ChangeSource {
  /** Where the store stands. Asked for when a watch begins now, and while a watch waits for its consumer. */
  head(signal: AbortSignal): Promise<Head> | Head;
  changesSince(after: Revision, query: ChangesQuery): Promise<Changes> | Changes;
}
