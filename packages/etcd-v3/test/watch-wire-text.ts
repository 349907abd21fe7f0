// The server's side of the wire, written apart from the code under test: responses are encoded, requests decoded.
import { parse } from '../../../checks/hostile/src/protobuf.js';

type Field = readonly [number: number, value: number | bigint | boolean | string | Uint8Array];

export function message(...fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([number, value]) => {
      if (typeof value === 'string' || value instanceof Uint8Array) {
        const bytes = Buffer.from(value as string);
        return [varint(number * 8 + 2), varint(bytes.length), bytes];
      }
      return [varint(number * 8), varint(value)];
    }),
  );
}

function varint(value: number | bigint | boolean): Buffer {
  // Nearly all are tags, lengths and flags of one byte.
  const small = Number(value);
  if (small >= 0 && small < 0x80) return Buffer.of(small);
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

export interface ResponseFields {
  id?: number;
  head?: number | bigint;
  clusterId?: number | bigint;
  raftTerm?: number;
  created?: boolean;
  canceled?: boolean;
  compactRevision?: number;
  reason?: string;
  fragment?: boolean;
  events?: Buffer[];
}

export function response(fields: ResponseFields): Buffer {
  const header = message([1, fields.clusterId ?? 42], [2, 7], [3, fields.head ?? 100], [4, fields.raftTerm ?? 2]);
  return message(
    [1, header],
    [2, fields.id ?? 0],
    ...(fields.created === true ? [[3, true] as const] : []),
    ...(fields.canceled === true ? [[4, true] as const] : []),
    ...(fields.compactRevision === undefined ? [] : [[5, fields.compactRevision] as const]),
    ...(fields.reason === undefined ? [] : [[6, fields.reason] as const]),
    ...(fields.fragment === true ? [[7, true] as const] : []),
    ...(fields.events ?? []).map((event) => [11, event] as const),
  );
}

export const created = (id: number, head = 100, more: ResponseFields = {}) =>
  response({ id, head, created: true, ...more });
export const progress = (id: number, head: number) => response({ id, head });

export interface EntryFields {
  key: string | Uint8Array;
  value?: string;
  mod: number | bigint;
  create?: number | bigint;
  version?: number;
  lease?: bigint;
}

export function entry({ key, value = '', mod, create = mod, version = 1, lease = 0n }: EntryFields): Buffer {
  return message([1, key], [2, create], [3, mod], [4, version], [5, value], [6, lease]);
}

export function put(fields: EntryFields, previous?: EntryFields): Buffer {
  return message([2, entry(fields)], ...(previous === undefined ? [] : [[3, entry(previous)] as const]));
}

export function del(key: string | Uint8Array, mod: number, previous?: EntryFields): Buffer {
  const deleted = message([1, key], [3, mod]);
  return message([1, 1], [2, deleted], ...(previous === undefined ? [] : [[3, entry(previous)] as const]));
}

/** Events of one key each, at these revisions. */
export function events(id: number, revisions: readonly number[], more: ResponseFields = {}): Buffer {
  const encoded = revisions.map((mod) => put({ key: `/a/${mod}`, mod }));
  return response({ id, head: Math.max(1_000, ...revisions), events: encoded, ...more });
}

export type DecodedRequest =
  | {
      kind: 'create';
      key: string;
      rangeEnd: string;
      start: number;
      progressNotify: boolean;
      filters: number[];
      previous: boolean;
    }
  | { kind: 'cancel'; watchId: number }
  | { kind: 'progress' };

export function decodeRequest(bytes: Uint8Array): DecodedRequest {
  const [[union, body] = [0, new Uint8Array(0)]] = parse(Buffer.from(bytes));
  if (union === 3) return { kind: 'progress' };
  const fields = new Map(parse(Buffer.from(body as Uint8Array)));
  const number = (field: number) => Number(fields.get(field) ?? 0);
  const text = (field: number) => Buffer.from((fields.get(field) as Uint8Array | undefined) ?? []).toString('latin1');
  if (union === 2) return { kind: 'cancel', watchId: number(1) };
  const filters = [...((fields.get(5) as Uint8Array | undefined) ?? [])];
  const flags = { progressNotify: number(4) === 1, filters, previous: number(6) === 1 };
  return { kind: 'create', key: text(1), rangeEnd: text(2), start: number(3), ...flags };
}
