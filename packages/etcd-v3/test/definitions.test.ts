import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { StoreError } from '@holdfast/store';
import { loadDefinitions, ownDefinitions } from '../src/connection/definitions.js';
import { decodeMessage, encodeMessage } from '../src/protobuf/message-codec.js';
import { ENUMS, MESSAGES, METHODS, type MessageField } from '../src/protobuf/etcd-messages.js';

/** Of `@grpc/proto-loader`, as `etcd3` itself uses it. */
interface LoadedMethod {
  requestSerialize(message: unknown): Buffer;
  requestDeserialize(bytes: Buffer): unknown;
  responseSerialize(message: unknown): Buffer;
  responseDeserialize(bytes: Buffer): unknown;
}

const etcd3 = createRequire(__filename).resolve('etcd3/package.json');
const loader = createRequire(etcd3)('@grpc/proto-loader') as {
  loadSync(path: string, options: object): Record<string, Record<string, LoadedMethod>>;
};
const theirs = loader.loadSync(join(dirname(etcd3), 'proto/rpc.proto'), {
  ...{ keepCase: true, longs: String, enums: String, defaults: true, oneofs: true },
});

const methods = Object.entries(METHODS).flatMap(([service, named]) =>
  Object.entries(named).map(([method, types]) => ({ service, method, ...types })),
);

/** Numbers at every border of 64 bits, which doubles round. */
const INTEGERS = ['0', '1', '127', '128', '9007199254740993', '9223372036854775807'];
const SIGNED = [...INTEGERS, '-1', '-9223372036854775808'];
const UNSIGNED = [...INTEGERS, '18446744073709551615'];

/** A message with a value in every field, and one member of each `oneof`: another for each `turn`. */
function filled(type: string, turn: number, depth = 0): Record<string, unknown> {
  const fields = MESSAGES[type] ?? [];
  const kept = fields.filter((field) => {
    const siblings = fields.filter(({ oneof }) => field.oneof !== undefined && oneof === field.oneof);
    return siblings.length === 0 || siblings[turn % siblings.length] === field;
  });
  return Object.fromEntries(
    kept
      .filter(({ kind, name }) => depth < 4 || kind !== 'message' || name === 'header')
      .map((field) => {
        const values = [0, 1].map((n) => value(field, turn + n, depth));
        return [field.name, field.repeated === true ? values : values[0]];
      }),
  );
}

function value({ kind, of = '' }: MessageField, turn: number, depth: number): unknown {
  const pick = <T>(values: readonly T[]): T => values[turn % values.length]!;
  switch (kind) {
    case 'message':
      return filled(of, turn, depth + 1);
    case 'bytes':
      return pick([Buffer.from([0, 255, 128]), Buffer.alloc(0), Buffer.from('naïve')]);
    case 'string':
      return pick(['', 'café 日本 🙂', 'a']);
    case 'enum':
      return pick(Object.keys(ENUMS[of] ?? {}));
    case 'bool':
      return turn % 2 === 0;
    case 'uint64':
      return pick(UNSIGNED);
    default:
      return pick(SIGNED);
  }
}

test('the messages are those that the installed etcd3 defines', () => {
  const script = join(__dirname, '../../../.ci/etcd-messages.mjs');
  expect(() => execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' })).not.toThrow();
});

describe.each(methods)('$service.$method', ({ service, method, request, response }) => {
  const loaded = theirs[`etcdserverpb.${service}`]![method]!;

  test('is encoded as etcd3 does, byte for byte', () => {
    for (let turn = 0; turn < 24; turn += 1) {
      const message = filled(request, turn);
      expect(encodeMessage(request, message).toString('hex')).toBe(loaded.requestSerialize(message).toString('hex'));
    }
    expect(encodeMessage(request, {})).toEqual(loaded.requestSerialize({}));
  });

  test('is decoded as etcd3 does, with every 64-bit integer exact', () => {
    for (let turn = 0; turn < 24; turn += 1) {
      const bytes = loaded.responseSerialize(filled(response, turn));
      expect(decodeMessage(response, bytes)).toEqual(loaded.responseDeserialize(bytes));
    }
    expect(decodeMessage(response, Buffer.alloc(0))).toEqual(loaded.responseDeserialize(Buffer.alloc(0)));
  });
});

test('etcd3 is used where its files are, and our own definitions have the same methods and paths', async () => {
  const used = await loadDefinitions();
  const own = ownDefinitions();
  expect([...used].map(([name, { path }]) => [name, path])).toEqual([...own].map(([name, { path }]) => [name, path]));
  expect(used.get('KV.Put')).not.toHaveProperty('requestSerialize', own.get('KV.Put')?.requestSerialize);
  // Its own property: the definitions are gRPC's.
  expect(used.get('KV.Put')).toHaveProperty('originalName', 'put');
});

describe('an answer that can’t be read is refused', () => {
  const put = (bytes: readonly number[]) => () => decodeMessage('etcdserverpb.PutResponse', Buffer.from(bytes));

  test.each([
    ['a field with another wire type', [0x08, 0x01]],
    ['a length past the end', [0x0a, 0x05, 0x08]],
    ['an integer that never ends', [0x0a, 0x0c, 0x18, ...Array<number>(11).fill(0xff)]],
    ['a wire type that there is not', [0x7f]],
  ])('%s', (_name, bytes) => {
    expect(put(bytes)).toThrow(StoreError);
    expect(put(bytes)).toThrow(/etcd sent/);
  });

  test('a transaction in transactions without end', () => {
    let bytes = Buffer.alloc(0);
    const nest = (field: number) => {
      const length = encodeMessage('etcdserverpb.LeaseRevokeRequest', { ID: bytes.length }).subarray(1);
      bytes = Buffer.concat([Buffer.from([field * 8 + 2]), length, bytes]);
    };
    for (let depth = 0; depth < 5_000; depth += 1) {
      nest(4);
      nest(3);
    }
    expect(() => decodeMessage('etcdserverpb.TxnResponse', bytes)).toThrow(/nested deeper than 100/);
  });

  test('fields of newer servers are passed over, and names of theirs stay numbers', () => {
    const event = Buffer.from([0x08, 0x07, 0xfa, 0x07, 0x01, 0x61]);
    expect(decodeMessage('mvccpb.Event', event)).toMatchObject({ type: 7, kv: null });
  });
});
