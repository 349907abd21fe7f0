import type { StoreError } from '@holdfast/store';
import type { ResponseHeader } from '../protobuf/watch.js';
import type { RevisionGroup } from './events.js';
import type { ServerEnd } from './server-end.js';

/** Who follows a range through one watch of a stream. After `ended`, `failed` or `lost`, nothing more is told. */
export interface WatchFollower {
  /** The server follows. Says nothing of what is still to come, and moves no bookmark (docs/traps.md#trap-2). */
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
