import { describe, expect, test } from '@jest/globals';
import { safeInteger } from '../src/protobuf/bad-answer.js';
import { EntryReader } from '../src/protobuf/entry.js';
import { decodeHeader } from '../src/protobuf/header.js';
import { decodeMessage } from '../src/protobuf/message-codec.js';
import { outlineRange } from '../src/protobuf/range.js';
import { decodeWatchResponse } from '../src/protobuf/watch.js';
import { fieldSet, WireReader } from '../src/protobuf/wire.js';
import { KeyRange } from '@holdfast/store/adapter';
import { findKeys } from '../src/kv/page-keys.js';
import { EtcdPage } from '../src/kv/page.js';

/** Protobuf by hand: [field, bytes or integer] pairs. */
function message(...fields: readonly (readonly [number, Uint8Array | bigint | number])[]): Buffer {
  const parts = fields.flatMap(([field, value]) =>
    value instanceof Uint8Array
      ? [varint(field * 8 + 2), varint(value.length), value]
      : [varint(field * 8), varint(BigInt.asUintN(64, BigInt(value)))],
  );
  return Buffer.concat(parts);
}

function varint(value: bigint | number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

const MAX = BigInt(Number.MAX_SAFE_INTEGER);
const header = (revision: bigint | number) => message([1, 2n ** 64n - 1n], [2, 5], [3, revision], [4, 7]);
const entry = (key: string | Uint8Array, value = 'v') =>
  message([1, Buffer.from(key)], [2, 3], [3, 4], [4, 2], [5, Buffer.from(value)]);

describe('range responses', () => {
  test('ids are exact and decimal, revisions exact up to 2^53-1', () => {
    expect(decodeHeader(message([1, header(MAX)]))).toEqual({
      clusterId: '18446744073709551615',
      revision: Number.MAX_SAFE_INTEGER,
      raftTerm: 7,
    });
  });

  test('a revision past 2^53-1 is an error, never rounded (C3)', async () => {
    expect(() => decodeHeader(message([1, header(MAX + 1n)]))).toThrow(/past 2\^53-1/);
    expect(() => safeInteger('9007199254740993')).toThrow(/past 2\^53-1/);
    const late = message([1, Buffer.from('/k')], [2, MAX + 2n], [3, MAX + 2n], [4, 1]);
    await expect(pageOf(message([1, header(9)], [2, late], [4, 1]))).rejects.toThrow(/past 2\^53-1/);
  });

  test('fields of newer servers are passed over', () => {
    const response = message([1, header(9)], [9, Buffer.from('new')], [2, entry('/a')], [10, 5], [3, 1], [4, 12]);
    expect(outlineRange(response)).toMatchObject({ more: true, count: 12, header: { revision: 9 } });
  });

  test('what is not protobuf, or has no header, is an internal error', () => {
    expect(() => outlineRange(Buffer.from('HTTP/1.1 400 Bad Request'))).toThrow(
      expect.objectContaining({ code: 'internal' }),
    );
    expect(() => outlineRange(Buffer.alloc(0))).toThrow(expect.objectContaining({ code: 'internal' }));
    const cut = message([1, header(9)], [2, entry('/a')]);
    expect(() => outlineRange(cut.subarray(0, cut.length - 1))).toThrow(expect.objectContaining({ code: 'internal' }));
  });

  test('a page leaves out keys that are not UTF-8, and says which', async () => {
    const bad = Buffer.of(0x2f, 0xff);
    const response = message([1, header(9)], [2, entry('/a', 'A')], [2, entry('/é', 'E')], [2, entry(bad)], [4, 3]);
    const page = await pageOf(response);
    expect([page.length, page.key(0), page.key(1)]).toEqual([2, '/a', '/é']);
    expect([0, 1].map((i) => Buffer.from(page.value(i)).toString())).toEqual(['A', 'E']);
    expect(page.undecodable).toEqual([{ rawKey: new Uint8Array(bad), revision: 4, deleted: false }]);
    expect([page.createRevision(1), page.modRevision(1), page.version(1)]).toEqual([3, 4, 2]);
  });

  test('each key is read as what it is, whatever the one before it was', async () => {
    const keys = ['/a', '/ab', '/aé', '/aéa', '/aéé', '/aêa', '/b', '/bb', '/bbé', '/c'];
    const sent = keys.map((key) => [2, entry(key)] as const);
    const page = await pageOf(message([1, header(9)], ...sent, [4, keys.length]));
    expect(keys.map((_key, i) => page.key(i))).toEqual(keys);
    const bad = ['/a', '/a\xff', '/a\xffb', '/b'].map((key) => Buffer.from(key, 'latin1'));
    const two = await pageOf(message([1, header(9)], ...bad.map((key) => [2, entry(key)] as const), [4, bad.length]));
    expect([two.key(0), two.key(1), two.undecodable.length]).toEqual(['/a', '/b', 2]);
  });
});

test('a page finds a key wherever it is in its entry, and numbers of any size', async () => {
  const fields = (key: string, modRevision: number) =>
    [
      [1, Buffer.from(key)],
      [2, modRevision - 1],
      [3, modRevision],
      [4, modRevision * 2],
      [5, Buffer.from(`value of ${key}`)],
    ] as const;
  const long = `/d${'d'.repeat(200)}`;
  const forms = {
    first: message(...fields('/a', 4)),
    last: message(...fields('/b', 5).toReversed()),
    'sent twice': message([1, Buffer.from('/z')], ...fields('/c', 6)),
    long: message(...fields(long, 7)),
  };
  // The last one's version alone does not fit in 32 bits, or all its numbers.
  for (const top of [9, 2 ** 31, 2 ** 33]) {
    const entries = [...Object.values(forms), message(...fields('/e', top))];
    for (const sent of [entries, ...entries.map((entry) => [entry])]) {
      const page = await pageOf(message([1, header(top)], ...sent.map((each) => [2, each] as const), [4, sent.length]));
      const all = ['/a', '/b', '/c', long, '/e'];
      const revisions = [4, 5, 6, 7, top];
      sent.forEach((each, i) => {
        const at = entries.indexOf(each);
        const revision = revisions[at] ?? 0;
        expect([page.key(i), page.modRevision(i)]).toEqual([all[at], revision]);
        expect([page.createRevision(i), page.version(i)]).toEqual([revision - 1, revision * 2]);
        expect(Buffer.from(page.value(i)).toString()).toBe(`value of ${String(all[at])}`);
      });
      expect(() => page.key(sent.length)).toThrow(RangeError);
      expect(() => page.modRevision(sent.length)).toThrow(RangeError);
      expect(() => page.value(sent.length)).toThrow(RangeError);
    }
  }
});

async function pageOf(response: Buffer): Promise<EtcdPage> {
  const outline = outlineRange(response);
  const { buffer, header: told, count } = outline;
  const keys = await findKeys(outline, KeyRange.from({ prefix: '/' }), {});
  const bookmark = { revision: told.revision, identity: told.clusterId };
  return new EtcdPage({ buffer, keys }, { bookmark, total: count, more: false });
}

describe('a page', () => {
  const entry = (key: string, numbers: readonly [bigint, bigint, bigint] = [2n, 3n, 1n]): Buffer =>
    message([1, Buffer.from(key)], [2, numbers[0]], [3, numbers[1]], [4, numbers[2]]);
  const page = (head: number, ...entries: readonly Buffer[]): Promise<EtcdPage> =>
    pageOf(message([1, header(head)], ...entries.map((each) => [2, each] as const), [4, entries.length]));

  test.each([
    ['ASCII', ['/a', '/a/b', '/a/c', '/ab']],
    ['not ASCII', ['/a', '/a/ü', '/a/ÿ', '/é']],
    ['long', ['/a', `/a/${'b'.repeat(130)}`]],
  ])('tells of each key which it is: %s', async (_what, keys) => {
    const found = await page(9, ...keys.map((key) => entry(key)));
    for (const [index, key] of keys.entries()) {
      for (const other of [...keys, '/', '', `${key}/`, '/a/\u00fc'])
        for (const at of [0, 1, 2, other.length])
          expect(found.isKey(index, other.slice(0, at), other.slice(at))).toBe(other === key);
    }
    expect(() => found.isKey(keys.length, '/', 'a')).toThrow(RangeError);
  });

  test('gives numbers of more than 32 bits as they are', async () => {
    const large = 2n ** 40n;
    const found = await page(
      Number(large),
      entry('/a', [1n, 2n, 1n]),
      entry('/b', [large - 2n, large - 1n, 2n ** 33n]),
      entry('/c', [5n, 6n, 2n]),
    );
    const numbers = [0, 1, 2].map((n) => [found.createRevision(n), found.modRevision(n), found.version(n)]);
    expect(numbers).toEqual([
      [1, 2, 1],
      [2 ** 40 - 2, 2 ** 40 - 1, 2 ** 33],
      [5, 6, 2],
    ]);
    for (const part of ['createRevision', 'modRevision', 'version', 'key', 'value'] as const)
      expect(() => found[part](3)).toThrow('index 3 is outside this page of 3');
  });
});

describe('an entry', () => {
  const fields = [
    [1, Buffer.from('/k')],
    [2, 3],
    [3, 4],
    [4, 2],
    [5, Buffer.from('v')],
    [6, 7],
  ] as const;
  /** A page of one entry, and a watch response with an event of it. */
  const sent = (encoded: Buffer) => ({
    page: () => pageOf(message([1, header(9)], [2, encoded], [4, 1])),
    event: async () => decodeWatchResponse(message([1, header(9)], [11, message([2, encoded])])).events?.next(),
  });

  test('is read alike in pages and in events', async () => {
    const { page, event } = sent(message(...fields));
    await expect(page()).resolves.toHaveLength(1);
    await expect(event()).resolves.toBe(true);
  });

  test.each(fields)('whose field %i has another wire type is refused in pages and in events', async (field, value) => {
    const wrong = message(
      ...fields.map((one) =>
        one[0] === field ? ([field, typeof value === 'number' ? Buffer.of(5) : 5] as const) : one,
      ),
    );
    await expect(sent(wrong).page()).rejects.toThrow(/not valid protobuf/);
    await expect(sent(wrong).event()).rejects.toThrow(/not valid protobuf/);
  });

  /** How a slower reader, which knows nothing of entries, reads it. */
  const known = (encoded: Buffer): unknown => {
    const { key, create_revision, mod_revision, version, value, lease } = decodeMessage('mvccpb.KeyValue', encoded);
    const numbers = [create_revision, mod_revision, version].map(Number);
    return [String(key), ...numbers, String(value), lease === '0' ? undefined : lease];
  };
  const read = (encoded: Buffer): unknown => {
    // What follows is not part of it.
    const buffer = Buffer.concat([Buffer.of(1, 2, 3), encoded, message(...fields)]);
    const reader = new EntryReader(buffer);
    reader.read(3, 3 + encoded.length);
    const { createRevision, modRevision, version, lease } = reader;
    const value = Buffer.from(reader.value).toString();
    return [reader.key(), createRevision, modRevision, version, value, lease];
  };

  test.each([
    ['as etcd writes it', fields],
    ['with one field', fields.slice(0, 1)],
    ['with an empty value', [...fields.slice(0, 4), [5, Buffer.alloc(0)]]],
    ['with its fields in another order', fields.toReversed()],
    ['with a field twice', fields.flatMap((field) => [field, [field[0], field[1] === 3 ? 300 : field[1]] as const])],
    [
      'with all fields twice',
      [...fields, [1, Buffer.from('/other')], [2, 13], [3, 14], [4, 12], [5, Buffer.from('w')]],
    ],
    ['with fields of newer servers', [...fields, [7, 1], [9, Buffer.from('new')]]],
    [
      'with large numbers',
      [
        [1, Buffer.from('/k')],
        [2, 2 ** 28 - 1],
        [3, 2 ** 28],
        [4, MAX],
      ],
    ],
    ['with a lease of nine bytes', [...fields.slice(0, 5), [6, 7587870206184853319n]]],
    ['with a negative lease', [...fields.slice(0, 5), [6, -1]]],
    ['with a long key and value', [[1, Buffer.alloc(300, 'k')], ...fields.slice(1, 4), [5, Buffer.alloc(70_000, 'v')]]],
  ] as [string, readonly (readonly [number, Uint8Array | bigint | number])[]][])(
    '%s is read exactly',
    (_how, given) => {
      expect(read(message(...given))).toEqual(known(message(...given)));
    },
  );

  test('that ends anywhere is read as what is left of it, or refused', () => {
    const whole = message(...fields.slice(0, 2), [3, 300], [4, 2 ** 30], [5, Buffer.from('v')], [6, 2n ** 62n]);
    for (let length = 1; length < whole.length; length += 1) {
      const cut = whole.subarray(0, length);
      let expected: unknown;
      try {
        expected = known(cut);
      } catch {
        expect(() => read(cut)).toThrow(/not valid protobuf/);
        continue;
      }
      expect(read(cut)).toEqual(expected);
    }
    expect(() =>
      read(Buffer.concat([message(...fields.slice(0, 5)), Buffer.of(0x30), Buffer.alloc(11, 0x80)])),
    ).toThrow(/not valid protobuf/);
  });

  test('without a key is refused in pages and in events', async () => {
    const nameless = message(...fields.filter(([field]) => field !== 1));
    await expect(sent(nameless).page()).rejects.toThrow(/entry without a key/);
    await expect(sent(nameless).event()).rejects.toThrow(/entry without a key/);
  });
});

describe('fields that a reader does not use', () => {
  const skip = (...bytes: number[]): number => {
    const reader = new WireReader(Buffer.from(bytes));
    reader.skip(reader.tag(), fieldSet(5, 11));
    return reader.position;
  };

  test('are passed over, of whatever wire type and number', () => {
    expect(skip(0x30, 0x01)).toBe(2);
    expect(skip(0x32, 0x01, 0x00)).toBe(3);
    // Field 37 is 5 more than 32.
    expect(skip(0xa8, 0x02, 0x01)).toBe(3);
  });

  test.each([[[0x28, 0x01]], [[0x2d, 0, 0, 0, 0]], [[0x58, 0x01]]])(
    'a used field of another wire type is no valid message: %j',
    (bytes) => {
      expect(() => skip(...bytes)).toThrow(/not valid protobuf/);
    },
  );
});
