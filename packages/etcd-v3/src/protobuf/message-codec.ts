import { badAnswer } from './bad-answer.js';
import { ENUMS, type MessageField } from './etcd-messages.js';
import { messageFields, wireTypeOf } from './fields.js';
import { WireReader, WireWriter } from './wire.js';

type Message = Record<string, unknown>;

/** Messages are never nested deeper: a transaction in a transaction is four levels. */
const MAX_DEPTH = 100;

/**
 * Encodes a message as `etcd3` does: 64-bit integers may be decimal strings, enums the names of their values, and a field
 * that is `undefined` or `null` is left out.
 */
export function encodeMessage(type: string, message: unknown): Buffer {
  const writer = new WireWriter();
  for (const field of messageFields(type)) {
    const value = (message as Message)[field.name];
    if (value === undefined || value === null) continue;
    const values = field.repeated === true ? (value as readonly unknown[]) : [value];
    if (field.repeated === true && field.kind === 'enum') {
      // Numbers in a list are packed. An enum's are below 128: a byte each.
      if (values.length > 0)
        writer.message(
          field.id,
          Uint8Array.from(values, (one) => Number(enumNumber(field, one))),
        );
    } else for (const one of values) encodeField(writer, field, one);
  }
  const bytes = writer.finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function encodeField(writer: WireWriter, field: MessageField, value: unknown): void {
  switch (field.kind) {
    case 'message':
      writer.message(field.id, encodeMessage(field.of ?? '', value));
      break;
    case 'bytes':
      writer.message(field.id, value as Uint8Array);
      break;
    case 'string':
      writer.message(field.id, Buffer.from(value as string));
      break;
    case 'enum':
      writer.integer(field.id, enumNumber(field, value));
      break;
    case 'bool':
      writer.integer(field.id, value === true ? 1n : 0n);
      break;
    default:
      writer.integer(field.id, BigInt(value as number | string));
  }
}

/**
 * Decodes a message as `etcd3` does: 64-bit integers become decimal strings, enums the names of their values, and a field
 * that was not sent gets protobuf's default, unless it is one of a `oneof`.
 *
 * @throws StoreError `internal` for bytes that are no such message
 */
export function decodeMessage(type: string, bytes: Buffer): Message {
  return decodeInto(type, new WireReader(bytes), 0);
}

function decodeInto(type: string, reader: WireReader, depth: number): Message {
  if (depth > MAX_DEPTH) throw badAnswer(`etcd sent messages nested deeper than ${MAX_DEPTH}`);
  const fields = messageFields(type);
  const message: Message = {};
  for (const field of fields) if (field.oneof === undefined) message[field.name] = defaultOf(field);
  while (!reader.done) {
    const tag = reader.tag();
    const field = fieldWith(tag >>> 3, fields);
    if (field === undefined) {
      reader.skip(tag);
      continue;
    }
    if ((tag & 7) !== wireTypeOf(field))
      throw badAnswer(`etcd sent a message whose ${type}.${field.name} can't be read`);
    const value = decodeField(reader, field, depth);
    if (field.repeated === true) (message[field.name] as unknown[]).push(value);
    else message[field.name] = value;
    if (field.oneof !== undefined) message[field.oneof] = field.name;
  }
  return message;
}

/** Not by `find`, which makes a function for each field that was sent. */
function fieldWith(id: number, fields: readonly MessageField[]): MessageField | undefined {
  for (const field of fields) if (field.id === id) return field;
  return undefined;
}

function decodeField(reader: WireReader, field: MessageField, depth: number): unknown {
  switch (field.kind) {
    case 'message': {
      const outer = reader.descend();
      const message = decodeInto(field.of ?? '', reader, depth + 1);
      reader.ascend(outer);
      return message;
    }
    case 'bytes':
      return delimited(reader);
    case 'string':
      return delimited(reader).toString('utf8');
    case 'enum':
      return enumName(field, reader.int64());
    case 'bool':
      return reader.boolean();
    case 'uint64':
      return reader.uint64String();
    default:
      return reader.int64String();
  }
}

function delimited(reader: WireReader): Buffer {
  const length = reader.delimited();
  return reader.buffer.subarray(reader.position - length, reader.position);
}

function defaultOf(field: MessageField): unknown {
  if (field.repeated === true) return [];
  switch (field.kind) {
    case 'message':
      return null;
    case 'bytes':
      return Buffer.alloc(0);
    case 'string':
      return '';
    case 'enum':
      return enumName(field, 0);
    case 'bool':
      return false;
    default:
      return '0';
  }
}

function enumNumber({ of = '' }: MessageField, value: unknown): bigint {
  const number = typeof value === 'string' ? ENUMS[of]?.[value] : value;
  if (typeof number !== 'number') throw new Error(`${of} has no value ${String(value)}`);
  return BigInt(number);
}

/** The name, or the number that a newer server has a name for. */
function enumName({ of = '' }: MessageField, value: number): string | number {
  return Object.entries(ENUMS[of] ?? {}).find(([, number]) => number === value)?.[0] ?? value;
}
