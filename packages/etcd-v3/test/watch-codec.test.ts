import { describe, expect, test } from '@jest/globals';
import type { EntryReader } from '../src/protobuf/entry.js';
import {
  decodeWatchResponse,
  encodeCancel,
  encodeCreate,
  encodeProgressRequest,
  type EventReader,
} from '../src/protobuf/watch.js';
import { RevisionAssembler } from '../src/watch/events.js';
import { GOLDEN } from './watch-golden.js';
import { decodeRequest, del, message, put, response } from './watch-wire-text.js';

const text = (bytes: string) => new TextEncoder().encode(bytes);

/** What an entry is read as, with every field. */
const plain = (entry: EntryReader) => {
  const { createRevision, modRevision, version, lease } = entry;
  return { key: entry.key(), createRevision, modRevision, version, value: entry.value.slice(), lease };
};

function decodeEvents(buffer: Buffer) {
  const { events } = decodeWatchResponse(buffer);
  const all = [];
  while (events?.next() === true) {
    const { type, entry, previous } = events;
    all.push({ type, entry: plain(entry), previous: previous && plain(previous) });
  }
  return all;
}

/** The reader of one encoded event, which it has read. */
function readOne(encoded: Buffer): EventReader {
  const events = decodeWatchResponse(message([11, encoded])).events!;
  events.next();
  return events;
}

describe('requests', () => {
  test('a creation carries range, start, progress, filter and previous', () => {
    const request = {
      key: text('/a/'),
      rangeEnd: text('/a0'),
      startRevision: 2 ** 45 + 1,
      previous: true,
      progressNotify: true,
    };
    const expected = {
      kind: 'create',
      key: '/a/',
      rangeEnd: '/a0',
      start: 2 ** 45 + 1,
      progressNotify: true,
      previous: true,
    };
    expect(decodeRequest(encodeCreate({ ...request, only: 'put' }))).toEqual({ ...expected, filters: [1] });
    expect(decodeRequest(encodeCreate({ ...request, only: 'delete' }))).toEqual({ ...expected, filters: [0] });
    expect(decodeRequest(encodeCreate({ ...request, only: undefined }))).toEqual({ ...expected, filters: [] });
  });

  test('no upper bound is the end "\\0", one key has no end', () => {
    const request = { key: text('k'), startRevision: 1, previous: false, only: undefined, progressNotify: false };
    expect(decodeRequest(encodeCreate({ ...request, rangeEnd: 'end' }))).toMatchObject({ rangeEnd: '\0' });
    expect(decodeRequest(encodeCreate({ ...request, rangeEnd: undefined }))).toMatchObject({ rangeEnd: '' });
  });

  test('cancellations, of watch 0 too, and progress requests', () => {
    expect(decodeRequest(encodeCancel(0))).toEqual({ kind: 'cancel', watchId: 0 });
    expect(decodeRequest(encodeCancel(70_000))).toEqual({ kind: 'cancel', watchId: 70_000 });
    expect(decodeRequest(encodeProgressRequest())).toEqual({ kind: 'progress' });
  });
});

describe('responses', () => {
  test('every field comes out', () => {
    const buffer = response({
      id: 3,
      head: 123_456_789_012,
      clusterId: 2n ** 64n - 1n,
      raftTerm: 9,
      created: true,
      canceled: true,
      compactRevision: 77,
      reason: 'etcdserver: permission denied',
      fragment: true,
    });
    expect(decodeWatchResponse(buffer)).toMatchObject({
      header: { clusterId: '18446744073709551615', revision: 123_456_789_012, raftTerm: 9 },
      watchId: 3,
      created: true,
      canceled: true,
      compactRevision: 77,
      cancelReason: 'etcdserver: permission denied',
      fragment: true,
      events: undefined,
    });
  });

  test('negative ids and revisions, unknown fields of every wire type', () => {
    const unknown = Buffer.concat([message([99, 5], [98, 'x']), Buffer.from([0xc1, 0x05]), Buffer.alloc(8)]);
    const buffer = Buffer.concat([unknown, response({ id: -1, compactRevision: -1 })]);
    expect(decodeWatchResponse(buffer)).toMatchObject({ watchId: -1, compactRevision: -1, header: { revision: 100 } });
  });

  test('events: put, delete, previous, lease as a decimal string, value bytes as they are', () => {
    const lease = 7_587_870_206_184_853_319n;
    const buffer = response({
      events: [
        put(
          { key: '/a/1', value: 'é', mod: 12, create: 10, version: 3, lease },
          { key: '/a/1', value: 'old', mod: 10 },
        ),
        del('/a/2', 13, { key: '/a/2', value: 'gone', mod: 5 }),
        put({ key: '/a/ключ', mod: 14 }),
      ],
    });
    const [first, second, third] = decodeEvents(buffer);
    expect(first).toMatchObject({
      type: 'put',
      entry: {
        key: '/a/1',
        value: text('é'),
        createRevision: 10,
        modRevision: 12,
        version: 3,
        lease: lease.toString(),
      },
      previous: { key: '/a/1', value: text('old'), modRevision: 10, lease: undefined },
    });
    expect(second).toMatchObject({
      type: 'delete',
      entry: { key: '/a/2', modRevision: 13 },
      previous: { value: text('gone') },
    });
    expect(third).toMatchObject({ type: 'put', entry: { key: '/a/ключ' } });
  });

  test('a key that is not UTF-8 stays bytes (C1)', () => {
    const raw = Uint8Array.of(0x2f, 0xff, 0xfe);
    const [event] = decodeEvents(response({ events: [put({ key: raw, mod: 5 })] }));
    expect(event?.entry.key).toEqual(raw);
  });

  test('2^53-1 is exact, and a revision past it is an error, never rounded (C3)', () => {
    const largest = 2n ** 53n - 1n;
    expect(decodeEvents(response({ events: [put({ key: 'k', mod: largest })] }))[0]?.entry.modRevision).toBe(
      Number(largest),
    );
    const over = response({ events: [put({ key: 'k', mod: largest + 1n })] });
    expect(() => decodeEvents(over)).toThrow('9007199254740992, past 2^53-1');
    expect(() => decodeWatchResponse(response({ head: largest + 2n }))).toThrow('past 2^53-1');
  });

  test.each([
    ['a varint without an end', Buffer.from([0x10, 0x80])],
    ['a varint that is too long', Buffer.concat([Buffer.from([0x10]), Buffer.alloc(11, 0x80)])],
    ['a length past the end', Buffer.from([0x5a, 0x05, 0x00])],
    ['a group', Buffer.from([0x1b])],
    ['a length below zero', Buffer.concat([message([11, -1]).map((b, i) => (i === 0 ? 0x5a : b))])],
  ])('%s is malformed', (_what, buffer) => {
    expect(() => decodeEvents(Buffer.from(buffer))).toThrow('not valid protobuf');
  });

  test('a value that is kept keeps little else: not the message that it came in', () => {
    const values = Array.from({ length: 2_000 }, (_, i) => `${i}`.repeat(1 + (i % 40)));
    const big = 'x'.repeat(100_000);
    const buffer = response({ events: [...values, big, ''].map((value, i) => put({ key: `/a/${i}`, value, mod: 5 })) });
    const assembler = new RevisionAssembler();
    const events = decodeWatchResponse(buffer).events!;
    while (events.next()) assembler.add(events, 2 ** 53);
    const decoded = assembler.flush()!.events.map((event) => (event.type === 'put' ? event.current.value : text('?')));
    expect(decoded.map((value) => Buffer.from(value).toString())).toEqual([...values, big, '']);
    for (const value of decoded) {
      expect(value.buffer).not.toBe(buffer.buffer);
      expect(value.buffer.byteLength).toBeLessThanOrEqual(value.byteLength + 16 * 1024);
    }
    expect(new Set(decoded.map((value) => value.buffer)).size).toBeLessThan(50);
  });

  test('a field after the events is an error: it would have been missed', () => {
    const late = Buffer.concat([response({ events: [put({ key: 'k', mod: 5 })] }), message([7, true])]);
    expect(() => decodeEvents(late)).toThrow('fields after its events');
    const unknown = Buffer.concat([response({ events: [put({ key: 'k', mod: 5 })] }), message([12, true])]);
    expect(decodeEvents(unknown)).toHaveLength(1);
  });

  test('what is cut off anywhere is never taken for something shorter', () => {
    const whole = put({ key: '/a/1', value: 'value', mod: 300, lease: 5n });
    for (let length = 1; length < whole.length; length++) {
      expect(() => readOne(whole.subarray(0, length))).toThrow();
    }
  });
});

describe('assembling revisions', () => {
  test('events of one revision stay together, over fragments too (trap 8)', () => {
    const assembler = new RevisionAssembler();
    const add = (mod: number, key: string) => assembler.add(readOne(put({ key, mod })), 2 ** 53);
    expect(add(5, 'a')).toBeUndefined();
    expect(add(5, 'b')).toBeUndefined();
    expect(add(6, 'c')).toMatchObject({ revision: 5, events: [{ current: { key: 'a' } }, { current: { key: 'b' } }] });
    // No flush here: a fragment ends, and the next one goes on with the same revision.
    expect(add(6, 'd')).toBeUndefined();
    expect(assembler.flush()).toMatchObject({
      revision: 6,
      events: [{ current: { key: 'c' } }, { current: { key: 'd' } }],
    });
    expect(assembler.flush()).toBeUndefined();
  });

  test('a key that is not UTF-8 is listed with its revision, not as an event', () => {
    const assembler = new RevisionAssembler();
    assembler.add(readOne(del(Uint8Array.of(0xff), 9)), 2 ** 53);
    const group = assembler.flush();
    expect(group).toMatchObject({ revision: 9, events: [] });
    expect(group?.undecodable).toEqual([{ rawKey: Uint8Array.of(0xff), revision: 9, deleted: true }]);
  });
});

describe.each(['3.4.23', '3.5.16'] as const)('what etcd %s sent', (version) => {
  const golden = GOLDEN[version];
  const messages = (name: keyof typeof golden) => golden[name].map((hex) => Buffer.from(hex, 'hex'));
  const clusterId = { '3.4.23': '7585154123848136068', '3.5.16': '2740026184183043798' }[version];
  const first = { key: '/a/1', createRevision: 2, modRevision: 2, version: 1, value: text('one'), lease: undefined };
  const second = { ...first, modRevision: 3, version: 2, value: text('zwölf'), lease: '7587870206184853319' };

  test('answers: created, progress, cancelled, compacted, refused', () => {
    const decode = (name: keyof typeof golden) => messages(name).map((message) => decodeWatchResponse(message));
    const header = (revision: number) => ({ clusterId, revision, raftTerm: 2 });
    expect(decode('created')).toMatchObject([{ header: header(1), watchId: 0, created: true, canceled: false }]);
    expect(decode('progress asked for')).toMatchObject([
      { header: header(5), watchId: -1, created: false, events: undefined },
    ]);
    expect(decode('cancelled')).toMatchObject([{ watchId: 0, canceled: true, compactRevision: 0, cancelReason: '' }]);
    expect(decode('compacted')).toMatchObject([
      { header: header(5), watchId: 1, created: true, canceled: false },
      { header: header(0), watchId: 1, created: false, canceled: true, compactRevision: 5, cancelReason: '' },
    ]);
    expect(decode('refused')).toMatchObject([{ watchId: -1, created: true, canceled: true, cancelReason: DENIED }]);
  });

  test('events: put, previous, lease, transaction, a key that is not UTF-8', () => {
    const decode = (name: keyof typeof golden) => messages(name).flatMap(decodeEvents);
    expect(decode('put')).toEqual([{ type: 'put', entry: first, previous: undefined }]);
    expect(decode('put with previous and lease')).toEqual([{ type: 'put', entry: second, previous: first }]);
    expect(decode('transaction')).toMatchObject([
      { type: 'put', entry: { key: '/a/2', modRevision: 4, value: text('') }, previous: undefined },
      { type: 'delete', entry: { key: '/a/1', modRevision: 4 }, previous: second },
    ]);
    const raw = Uint8Array.of(0x2f, 0x61, 0x2f, 0xff, 0xfe);
    expect(decode('not UTF-8')).toMatchObject([{ type: 'put', entry: { key: raw, modRevision: 5, value: text('x') } }]);
  });
});

const DENIED = 'rpc error: code = PermissionDenied desc = etcdserver: permission denied';
