import { CompactedError, isStoreError, StoreError, toRevision, type Bookmark } from '@holdfast/store';
import { messageOf, type KeyRange } from '@holdfast/store/adapter';
import { toFailureError } from '../errors.js';
import type { WatchResponse } from '../protobuf/watch.js';

/** How the server ended one watch of a stream. The others live on. */
export type ServerEnd =
  /** The watch never began: `created` and `canceled` came in one answer (docs/traps.md#trap-5). */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'compacted'; readonly compactRevision: number }
  | { readonly kind: 'canceled'; readonly reason: string };

export function serverEnd(response: WatchResponse, kind: 'refused' | 'canceled'): ServerEnd {
  // Some versions answer a negative start with a negative number: no compaction (docs/etcd.md#watch-where-to-resume).
  if (response.compactRevision > 0) return { kind: 'compacted', compactRevision: response.compactRevision };
  return { kind, reason: response.cancelReason };
}

// Go's text form of a gRPC error: etcd 3.4 and 3.5 fill `cancel_reason` with it.
const GRPC_TEXT = /^rpc error: code = \w+ desc = (.*)$/s;
// gRPC's codes for a text that is not known here, and for an end without a text.
const UNKNOWN = 2;
const UNAVAILABLE = 14;

/** The error of a watch that the server refused or cancelled, made of the server's text. */
export function cancelError(reason: string, endpoint: string): StoreError {
  const said = GRPC_TEXT.exec(reason)?.[1] ?? reason;
  const code = said.startsWith('etcdserver: ') ? UNKNOWN : UNAVAILABLE;
  return toFailureError({ code, details: said === '' ? 'the watch was cancelled' : said }, 'read', endpoint);
}

/** Whether the error ends a watch: retrying, here or at another member, would not help (C12). */
export function endsWatch(error: StoreError): boolean {
  switch (error.code) {
    case 'unavailable':
    case 'timeout':
    case 'internal':
    // A message above `maxResponseBytes`. The next stream may bring the same revisions in smaller messages.
    case 'too-large':
      return false;
    default:
      // `retryable`: such as a function given as option auth that could give no user just now.
      return !error.retryable;
  }
}

export function compactedError(
  range: KeyRange,
  after: Bookmark,
  compactRevision: number,
  endpoint: string | undefined,
): CompactedError {
  return new CompactedError(
    `${range.toString()} was followed up to revision ${after.revision}, but history up to ${compactRevision} is compacted; read it again`,
    { compactRevision: toRevision(compactRevision), endpoint },
  );
}

export function historyChanged(range: KeyRange, proof: string, endpoint: string): StoreError {
  const message = `the store's history is not the one that ${range.toString()} was followed in: ${proof}; read it again`;
  return new StoreError('history-changed', message, { endpoint });
}

/** Makes a `StoreError` of anything thrown. */
export function asStoreError(error: unknown, what: string): StoreError {
  if (isStoreError(error)) return error;
  return new StoreError('internal', `${what}: ${messageOf(error)}`, { cause: error });
}
