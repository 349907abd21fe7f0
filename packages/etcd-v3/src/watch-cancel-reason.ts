import type { StoreError } from '@holdfast/store';
import { toStoreError } from './errors.js';

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
