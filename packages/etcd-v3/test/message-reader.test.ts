// How messages are found in the bytes of a call: whole ones, and long ones in parts.
import { expect, test } from '@jest/globals';
import { MessageReader, type SentMessage } from '../src/connection/message-reader.js';
import { afterEvents, decodeWatchResponse, nextPartOf, type EventReader } from '../src/protobuf/watch.js';
import { framedAs } from './support/framed-as.js';
import { put, response } from './watch-wire-text.js';

const MOST = 10_000_000;

/** What a reader hands over of these pieces. */
function read(pieces: readonly Buffer[], maxBytes = MOST): SentMessage[] {
  const handed: SentMessage[] = [];
  const reader = new MessageReader(maxBytes, afterEvents, (message) => handed.push(message));
  for (const piece of pieces) reader.push(piece);
  return handed;
}

function pieces(bytes: Buffer, length: number): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += length) found.push(bytes.subarray(at, at + length));
  return found;
}

function keysIn(events: EventReader | undefined): unknown[] {
  const keys: unknown[] = [];
  while (events?.next() === true) keys.push(events.entry.key());
  return keys;
}

/** A response with so many events, and as many bytes of values. */
const long = (count: number, valueBytes: number) =>
  response({
    id: 3,
    events: Array.from({ length: count }, (_none, index) =>
      put({ key: `/a/${index}`, value: 'v'.repeat(valueBytes), mod: 6 + index }),
    ),
  });

test.each([1, 7, 1_000, 16_384, 100_000, 1_000_000])(
  'a long response is the same in parts, in pieces of %i bytes',
  (length) => {
    const message = long(1_000, 400);
    const handed = read(pieces(Buffer.concat([framedAs(0, message), framedAs(0, long(1, 1))]), length));
    const [first, ...parts] = handed.slice(0, -1);
    expect(Buffer.concat(handed.slice(0, -1).map(({ bytes }) => bytes)).equals(message)).toBe(true);
    expect(handed.map(({ more }) => more)).toEqual([...parts.map(() => true), false, false]);
    if (length <= 16_384) expect(parts.length).toBeGreaterThan(4);
    const begun = decodeWatchResponse(first!.bytes, first!.more);
    expect(begun).toMatchObject({ watchId: 3, fragment: false, more: first!.more });
    const keys = keysIn(begun.events);
    for (const { bytes, more } of parts) {
      const part = nextPartOf(begun, bytes, more);
      expect(part.more).toBe(more);
      keys.push(...keysIn(part.events));
    }
    expect(keys).toEqual(Array.from({ length: 1_000 }, (_none, index) => `/a/${index}`));
  },
);

test('an event longer than all pieces is in one part', () => {
  const message = long(2, 200_000);
  const handed = read(pieces(framedAs(0, message), 16_384));
  expect(handed.map(({ bytes }) => bytes.length > 200_000)).toEqual([true, true]);
});

test.each([
  ['a number without an end', Buffer.alloc(200_000, 0xff)],
  ['a field longer than the message', Buffer.concat([Buffer.of(0x5a, 0xff, 0xff, 0xff, 0x0f), Buffer.alloc(200_000)])],
  ['fields of an unknown type', Buffer.alloc(200_000, 0x07)],
])('what is not protobuf is handed over once all of it is there: %s', (_what, bytes) => {
  const handed = read(pieces(framedAs(0, bytes), 1_000));
  expect(handed.map((message) => message.bytes.length)).toEqual([bytes.length]);
  expect(handed[0]?.more).toBe(false);
});

test('a message that is too long is refused at its head', () => {
  expect(() => read([framedAs(0, Buffer.alloc(101)).subarray(0, 5)], 100)).toThrow(
    'Received message larger than max (101 vs 100)',
  );
  expect(read([framedAs(0, Buffer.alloc(100))], 100)).toHaveLength(1);
});

test('a long message that is compressed comes as a whole', () => {
  const handed = read(pieces(framedAs(1, long(300, 400)), 1_000));
  expect(handed.map(({ isCompressed, more }) => ({ isCompressed, more }))).toEqual([
    { isCompressed: true, more: false },
  ]);
});
