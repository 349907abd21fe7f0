import type { StoreError } from '@holdfast/store';
import type { ResponseHeader } from './watch-codec.js';
import type { RevisionGroup } from './watch-events.js';

/** How the server ended one watch of a stream, while the others live on. */
export type ServerEnd =
  /** It never began: `created` and `canceled` in one answer (trap 5). */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'compacted'; readonly compactRevision: number }
  | { readonly kind: 'canceled'; readonly reason: string };

/** Who follows a range through one watch of a stream. After `ended`, `failed` or `lost`, nothing more is told. */
export interface WatchFollower {
  /** The server follows. Says nothing of what is still to come, and moves no bookmark (trap 2). */
  created(header: ResponseHeader): void;
  /** All events of one revision, those that were asked for a second time included. */
  revision(group: RevisionGroup): void;
  /** Everything up to this revision was sent. */
  progress(revision: number): void;
  ended(end: ServerEnd): void;
  /** What the server sent can't be used: trying again would bring the same. */
  failed(error: StoreError): void;
  /** The stream is over, and all of its watches with it. */
  lost(cause: StoreError): void;
}
