import type { StoreError } from '@holdfast/store';
import type { ResponseHeader } from '../protobuf/watch.js';
import type { RevisionGroup } from './events.js';
import type { ServerEnd } from './server-end.js';

/** Gets what one watch of a stream delivers. After `ended`, `failed`, `late` or `lost`, nothing follows. */
export interface WatchFollower {
  /** The server follows. This says nothing about pending events, and moves no bookmark (docs/traps.md#trap-2). */
  created(header: ResponseHeader): void;
  /** All events of one revision. After a new start a revision may come a second time. */
  revision(group: RevisionGroup): void;
  /** Everything up to this revision was sent. */
  progress(revision: number): void;
  ended(end: ServerEnd): void;
  /** The server sent something that this watch can't use. Everything before it is valid. */
  failed(error: StoreError): void;
  /** An event came after those that follow it were delivered: the watch can't continue without a loss. */
  late(error: StoreError): void;
  /** The stream is over, and all of its watches with it. */
  lost(cause: StoreError): void;
}
