import { describe, expect, test } from '@jest/globals';
import { compareBytes, KeyRange } from '@holdfast/store/adapter';
import { seeds } from '../../../.ci/test/support/sample.js';
import { EntryReader } from '../src/protobuf/entry.js';
import { encodeMessage } from '../src/protobuf/message-codec.js';
import { outlineRange, type RangeOutline } from '../src/protobuf/range.js';
import { ReadAhead } from '../src/kv/read-ahead.js';

const LENGTH = 50;

/** Many shapes of keys: even ones, and such as no guess is any good for. */
const SHAPES: Readonly<Record<string, (random: () => number) => string[]>> = {
  'counted, with leading zeros': () => Array.from({ length: 2_000 }, (_, i) => `/r/${String(i).padStart(6, '0')}`),
  'counted, without': () => Array.from({ length: 2_000 }, (_, i) => `/r/${i}`),
  'at random': (random) => Array.from({ length: 2_000 }, () => `/r/${random().toString(36).slice(2)}`),
  'in groups of very different sizes': (random) =>
    [3, 700, 1, 1, 40, 900, 2].flatMap((size, group) =>
      Array.from({ length: size }, (_, i) => `/r/${'cgkprux'[group]}/${Math.floor(random() * 1e9)}/${i}`),
    ),
  'nearly all at the end': () => [
    ...Array.from({ length: 60 }, (_, i) => `/r/a${i}`),
    ...Array.from({ length: 1_500 }, (_, i) => `/r/zzzzzz/${String(i).padStart(9, '0')}`),
  ],
  'each the beginning of the next': () => Array.from({ length: 400 }, (_, i) => `/r/${'x'.repeat(i + 1)}`),
  'of bytes that are not text': (random) =>
    Array.from(
      { length: 800 },
      () => `/r/${String.fromCharCode(Math.floor(random() * 256), Math.floor(random() * 256))}\u00ff`,
    ),
  'as many as one stretch': () => Array.from({ length: LENGTH }, (_, i) => `/r/${i}`),
};

describe.each(Object.keys(SHAPES))('keys %s', (shape) => {
  test.each(seeds(1, 5))('are read in order, each once, whatever the guesses are worth (%d)', async (seed) => {
    const random = mulberry(seed);
    const server = new Server(SHAPES[shape]!(random), random);
    const first = server.read(server.range, 1 + Math.floor(random() * LENGTH));
    const ahead = new ReadAhead({
      range: server.range,
      total: first.count,
      length: () => LENGTH,
      read: (range, limit) => server.answer(range, limit),
    });
    const seen = keysOf(first);
    let more = ahead.begin(first);
    while (more) {
      const next = await ahead.next();
      seen.push(...keysOf(next.outline));
      more = next.more;
    }
    expect(seen).toEqual(server.keys);
    expect(server.mostAtOnce).toBeLessThanOrEqual(2);
    // Stretches that are too short cost a request each: there are only so many.
    expect(server.requests).toBeLessThan(20 + (6 * server.keys.length) / LENGTH);
  });
});

test('even keys are asked for two stretches at a time, each about as long as wanted', async () => {
  const server = new Server(SHAPES['counted, with leading zeros']!(Math.random), Math.random);
  const first = server.read(server.range, LENGTH);
  const lengths: number[] = [];
  const ahead = new ReadAhead({
    range: server.range,
    total: first.count,
    length: () => LENGTH,
    read: (range, limit) => server.answer(range, limit),
  });
  let more = ahead.begin(first);
  while (more) {
    const next = await ahead.next();
    lengths.push(keysOf(next.outline).length);
    more = next.more;
  }
  expect(server.mostAtOnce).toBe(2);
  for (const length of lengths.slice(0, -1)) expect(length).toBeGreaterThan(0.8 * LENGTH);
  for (const length of lengths) expect(length).toBeLessThanOrEqual(1.3 * LENGTH);
});

test('without an upper end too', async () => {
  const keys = Array.from({ length: 500 }, (_, i) => `${String.fromCharCode(97 + (i % 20))}${i}`);
  const server = new Server(keys, Math.random, KeyRange.ofPrefix(''));
  const first = server.read(server.range, 10);
  const ahead = new ReadAhead({
    range: server.range,
    total: first.count,
    length: () => 20,
    read: (range, limit) => server.answer(range, limit),
  });
  const seen = keysOf(first);
  for (let more = ahead.begin(first); more;) {
    const next = await ahead.next();
    seen.push(...keysOf(next.outline));
    more = next.more;
  }
  expect(seen).toEqual(server.keys);
});

test('a stretch that fails fails where its turn comes', async () => {
  const server = new Server(SHAPES['counted, with leading zeros']!(Math.random), Math.random);
  const first = server.read(server.range, LENGTH);
  let calls = 0;
  const ahead = new ReadAhead({
    range: server.range,
    total: first.count,
    length: () => LENGTH,
    read: (range, limit) => (++calls === 2 ? Promise.reject(new Error('cut')) : server.answer(range, limit)),
  });
  expect(ahead.begin(first)).toBe(true);
  await expect(ahead.next()).resolves.toMatchObject({ more: true });
  await expect(ahead.next()).rejects.toThrow('cut');
});

/** What a range read gives, as etcd's API documents it, over keys that don't change. */
class Server {
  readonly range: KeyRange;
  readonly #keys: readonly Buffer[];
  readonly #random: () => number;
  #running = 0;
  mostAtOnce = 0;
  requests = 0;

  constructor(keys: readonly string[], random: () => number, range = KeyRange.ofPrefix('/r/')) {
    this.#keys = [...new Set(keys)].map((key) => Buffer.from(key, 'latin1')).sort((a, b) => Buffer.compare(a, b));
    this.#random = random;
    this.range = range;
  }

  get keys(): readonly string[] {
    return this.#keys.map((key) => key.toString('latin1'));
  }

  async answer(range: KeyRange, limit: number): Promise<RangeOutline> {
    this.requests += 1;
    this.#running += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#running);
    // Answers may overtake each other.
    for (let turns = Math.floor(this.#random() * 5); turns >= 0; turns -= 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#running -= 1;
    return this.read(range, limit);
  }

  read({ start, end }: KeyRange, limit: number): RangeOutline {
    const inside = this.#keys.filter(
      (key) => compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0),
    );
    const response = {
      header: { revision: 7 },
      kvs: inside.slice(0, limit).map((key) => ({ key, create_revision: 5, mod_revision: 5, version: 1 })),
      more: inside.length > limit,
      count: inside.length,
    };
    return outlineRange(encodeMessage('etcdserverpb.RangeResponse', response));
  }
}

function keysOf({ buffer, bounds }: RangeOutline): string[] {
  const entry = new EntryReader(buffer);
  const keys: string[] = [];
  for (let i = 0; i < bounds.length; i += 2) {
    entry.read(bounds[i] ?? 0, bounds[i + 1] ?? 0);
    keys.push(entry.keyText(true));
  }
  return keys;
}

/** Numbers that look random, and are the same in every run. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
