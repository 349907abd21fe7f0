import type { StoreError } from '@holdfast/store';
import { toStoreError } from '../errors.js';
import type { WatchResponse } from '../protobuf/watch.js';

/** How the server ended one watch of a stream, while the others live on. */
export type ServerEnd =
  /** It never began: `created` and `canceled` in one answer (docs/traps.md#trap-5). */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'compacted'; readonly compactRevision: number }
  | { readonly kind: 'canceled'; readonly reason: string };

export function serverEnd(response: WatchResponse, kind: 'refused' | 'canceled'): ServerEnd {
  // Some versions answer a negative start with a negative number: no compaction (docs/etcd.md#watch-where-to-resume).
  if (response.compactRevision > 0) return { kind: 'compacted', compactRevision: response.compactRevision };
  return { kind, reason: response.cancelReason };
}

// Go's form of a gRPC error as text, which is how etcd 3.4 and 3.5 both fill `cancel_reason`.
const GRPC_TEXT = /^rpc error: code = \w+ desc = (.*)$/s;
// gRPC's code for an error of which only the text is known.
const UNKNOWN = 2;

/** The error for a watch that the server refused or cancelled, from the text that it gave. */
export function cancelError(reason: string, endpoint: string): StoreError {
  const details = GRPC_TEXT.exec(reason)?.[1] ?? reason;
  return toStoreError(
    { code: UNKNOWN, details: details === '' ? 'the watch was cancelled' : details },
    'read',
    endpoint,
  );
}
