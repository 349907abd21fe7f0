import { fieldSet } from './wire.js';

// The fields of etcd's messages that are read here: field number times 8, plus wire type. From api/etcdserverpb/rpc.proto and
// api/mvccpb/kv.proto.
//
// Loops over very many fields take the tags that they compare with into constants of their module: those cost nothing to look up.

/** The header of every answer, which is always its first field. */
export const HEADER = 0x0a;
export const HEADER_TAG = { clusterId: 0x08, memberId: 0x10, revision: 0x18, raftTerm: 0x20 } as const;

export const RANGE_TAG = { header: HEADER, entry: 0x12, more: 0x18, count: 0x20 } as const;

/** A KeyValue, in every answer that has some. */
export const ENTRY_TAG = { key: 0x0a, create: 0x10, mod: 0x18, version: 0x20, value: 0x2a, lease: 0x30 } as const;

/** A WatchResponse. No other field of it has a higher number than its events. */
export const RESPONSE_TAG = {
  header: HEADER,
  watchId: 0x10,
  created: 0x18,
  canceled: 0x20,
  compactRevision: 0x28,
  cancelReason: 0x32,
  fragment: 0x38,
  event: 0x5a,
} as const;

export const EVENT_TAG = { type: 0x08, entry: 0x12, previous: 0x1a } as const;

/** The set of these fields, for the reader's `skip`. */
export function fieldsOf(tags: Readonly<Record<string, number>>): number {
  return fieldSet(...Object.values(tags).map((tag) => tag >>> 3));
}
