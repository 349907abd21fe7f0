import type { StoreError } from '@holdfast/store';
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
