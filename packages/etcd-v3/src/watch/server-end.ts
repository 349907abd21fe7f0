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
// gRPC's codes for what etcd says in words that are not known here, and for what it does not explain.
const UNKNOWN = 2;
const UNAVAILABLE = 14;

/** The error for a watch that the server refused or cancelled, from the text that it gave. */
export function cancelError(reason: string, endpoint: string): StoreError {
  const said = GRPC_TEXT.exec(reason)?.[1] ?? reason;
  const code = said.startsWith('etcdserver: ') ? UNKNOWN : UNAVAILABLE;
  return toStoreError({ code, details: said === '' ? 'the watch was cancelled' : said }, 'read', endpoint);
}
