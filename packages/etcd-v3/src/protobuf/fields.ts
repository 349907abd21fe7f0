import { MESSAGES, type MessageField } from './etcd-messages.js';
import { fieldSet, LENGTH_DELIMITED, VARINT } from './wire.js';

// The tags of etcd's messages that are read here by hand, because there are very many of them: a field's number times 8, plus its wire
// type. Numbers and names are those of etcd-messages.ts.
//
// Loops over very many fields take the tags that they compare with into constants of their module: those cost nothing to look up.

export const RANGE_TAG = tagsOf('etcdserverpb.RangeResponse', ['header', 'kvs', 'more', 'count']);

/** The header of every answer, which is always its first field. */
export const HEADER = RANGE_TAG.header;
export const HEADER_TAG = tagsOf('etcdserverpb.ResponseHeader', ['cluster_id', 'member_id', 'revision', 'raft_term']);

/** A KeyValue, in every answer that has some. */
export const ENTRY_TAG = tagsOf('mvccpb.KeyValue', [
  'key',
  'create_revision',
  'mod_revision',
  'version',
  'value',
  'lease',
]);

/** A WatchResponse. No other field of it has a higher number than its events. */
export const RESPONSE_TAG = tagsOf('etcdserverpb.WatchResponse', [
  'header',
  'watch_id',
  'created',
  'canceled',
  'compact_revision',
  'cancel_reason',
  'fragment',
  'events',
]);

export const EVENT_TAG = tagsOf('mvccpb.Event', ['type', 'kv', 'prev_kv']);

/** All fields of a message that etcd3 knows. */
export function messageFields(type: string): readonly MessageField[] {
  const fields = MESSAGES[type];
  if (fields === undefined) throw new Error(`etcd has no message ${type}`);
  return fields;
}

export function wireTypeOf({ kind }: MessageField): number {
  return kind === 'message' || kind === 'bytes' || kind === 'string' ? LENGTH_DELIMITED : VARINT;
}

/** The set of these fields, for the reader's `skip`. */
export function fieldsOf(tags: Readonly<Record<string, number>>): number {
  return fieldSet(...Object.values(tags).map((tag) => tag >>> 3));
}

function tagsOf<Name extends string>(type: string, names: readonly Name[]): Readonly<Record<Name, number>> {
  const fields = messageFields(type);
  const tags = names.map((name) => {
    const field = fields.find((one) => one.name === name);
    if (field === undefined) throw new Error(`etcd's ${type} has no field ${name}`);
    return [name, field.id * 8 + wireTypeOf(field)];
  });
  return Object.fromEntries(tags) as Record<Name, number>;
}
