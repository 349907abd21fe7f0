import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  isStoreError,
  toRevision,
  type Compare,
  type KeyValue,
  type ListOptions,
  type Op,
  type OpResult,
  type Range,
  type Txn,
  type TxnResult,
  type Watch,
  type WatchBatch,
  type WatchEvent,
} from '@holdfast/store';
import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { seeds } from '../../../.ci/test/support/sample.js';
import { Model } from './support/model.js';
import { Random } from './support/random.js';

// Keys that order differently by UTF-16 and by UTF-8 bytes, prefixes of one another, and one with 0xff-like ends.
const KEYS = [
  'a',
  'a/',
  'a/b',
  'a/bc',
  'a/é',
  'b',
  'b/\u{10000}',
  'b/\uffff',
  'b/\ufe00',
  'c/\u007f',
  'c/\u0080',
  '\u{10ffff}',
];
const PREFIXES = ['', 'a', 'a/', 'a/b', 'b/', 'b/\uffff', '\u{10ffff}', 'none'];

let store: MemoryStore;
let model: Model;
let random: Random;

beforeEach(() => {
  store = memoryStore({ progressIntervalMs: 5 });
  model = new Model();
});

afterEach(() => store.close());

function range(): Range {
  const choice = random.next();
  if (choice < 0.3) return { key: random.pick(KEYS) };
  if (choice < 0.7) return { prefix: random.pick(PREFIXES) };
  const bounds = [random.pick(KEYS), random.pick(KEYS)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const [start = '', end = ''] = bounds;
  return start === end || random.chance(0.3) ? { start } : { start, end };
}

function compare(): Compare {
  const on = random.chance(0.7) ? { key: random.pick(KEYS) } : { range: range() };
  const op = random.pick(['=', '!=', '<', '>'] as const);
  if (random.chance(0.3)) return { ...on, op, target: 'value', value: value() };
  const target = random.pick(['version', 'createRevision', 'modRevision'] as const);
  const most = target === 'version' ? 4 : model.head + 2;
  return { ...on, op, target, value: random.int(most) };
}

function value(): string {
  return random.pick(['', '1', '2', 'é', 'long'.repeat(10)]);
}

/** Operations, of which none writes a key that another of the whole transaction may write. */
function ops(depth: number, free: string[]): Op[] {
  return Array.from({ length: random.int(5) }, (): Op => {
    const choice = random.next();
    const key = free.splice(random.int(free.length), 1)[0];
    if (key === undefined || choice < 0.2) return { type: 'list', range: range() };
    if (choice < 0.3) return { type: 'get', key: random.pick(KEYS) };
    if (choice < 0.5) return { type: 'delete', range: key, previous: true };
    if (choice < 0.7 && depth < 3) return { type: 'txn', txn: transaction(depth + 1, free) };
    return { type: 'put', key, value: value(), previous: true };
  });
}

function transaction(depth: number, free: string[]): Txn {
  return {
    if: Array.from({ length: random.int(3) }, compare),
    then: ops(depth, free),
    else: ops(depth, free),
  };
}

function seen(result: TxnResult): unknown[] {
  return result.results.map((each: OpResult) => {
    switch (each.type) {
      case 'put':
        return each.previous;
      case 'delete':
        return each.previous;
      case 'get':
        return each.item;
      case 'list':
        return each.items;
      case 'txn':
        return { succeeded: each.succeeded, results: seen(each) };
    }
  });
}

async function write(): Promise<void> {
  const choice = random.next();
  if (choice < 0.45) {
    const put = { type: 'put', key: random.pick(KEYS), value: value() } as const;
    const previous = model.at().get(put.key);
    const { revision } = model.apply({ then: [put] });
    expect(await store.put(put.key, put.value, { previous: true })).toEqual({
      revision,
      ...(previous && { previous }),
    });
  } else if (choice < 0.65) {
    const on = range();
    const previous = model.inRange(on);
    const { revision } = model.apply({ then: [{ type: 'delete', range: on }] });
    expect(await store.delete(on, { previous: true })).toEqual({ revision, deleted: previous.length, previous });
  } else {
    const txn = transaction(1, [...KEYS]);
    const expected = model.apply(txn);
    const result = await store.txn(txn);
    expect({ succeeded: result.succeeded, revision: result.revision, results: seen(result) }).toEqual(expected);
  }
}

async function read(): Promise<void> {
  const revision = random.chance(0.5) ? undefined : Math.max(1, model.head - random.int(40));
  const options: ListOptions = {
    ...(revision !== undefined && { revision }),
    ...(random.chance(0.4) && { limit: 1 + random.int(6) }),
    ...(random.chance(0.2) && { keysOnly: true }),
    ...(random.chance(0.1) && { countOnly: true }),
    ...(random.chance(0.3) && { minModRevision: 1 + random.int(model.head) }),
    ...(random.chance(0.4) && {
      sort: {
        target: random.pick(['key', 'version', 'createRevision', 'modRevision', 'value'] as const),
        order: random.pick(['ascend', 'descend'] as const),
      },
    }),
  };
  const on = range();
  const answer = await store.list(on, options).catch((error: unknown) => error);
  if (revision !== undefined && revision < model.compacted) {
    expect(isStoreError(answer, 'compacted') && answer.compactRevision).toBe(model.compacted);
    return;
  }
  const { identity } = await store.status();
  expect(answer).toEqual({
    ...model.list(on, options),
    undecodable: [],
    bookmark: { identity, revision: revision ?? model.head },
  });
  const key = random.pick(KEYS);
  expect(await store.get(key, { revision })).toEqual(model.at(revision).get(key));
}

async function compact(): Promise<void> {
  const revision = model.compacted + 1 + random.int(model.head - model.compacted);
  await store.compact(revision, { physical: random.chance(0.5) });
  model.compacted = revision;
}

/** Reads a watch at its own pace, and keeps what it was told. */
class Follower {
  readonly batches: WatchBatch[] = [];
  readonly #watch: Watch;
  readonly range: Range;
  readonly after: number;
  error: unknown;
  #reading: Promise<void>;

  constructor(watch: Watch, on: Range, after: number, pause: () => Promise<void>) {
    this.#watch = watch;
    this.range = on;
    this.after = after;
    this.#reading = this.#read(pause).catch((error: unknown) => {
      this.error = error;
    });
  }

  async #read(pause: () => Promise<void>): Promise<void> {
    for await (const batch of this.#watch) {
      this.batches.push(batch);
      await pause();
    }
  }

  get bookmark(): number {
    return this.batches.at(-1)?.bookmark.revision ?? this.after;
  }

  async reaches(revision: number): Promise<void> {
    while (this.error === undefined && this.bookmark < revision) await new Promise((resolve) => setTimeout(resolve, 2));
    await this.#watch.close();
    await this.#reading;
  }

  check(): void {
    let last = this.after;
    for (const { kind, events, bookmark } of this.batches) {
      expect(bookmark.revision).toBeGreaterThan(last);
      const after = last;
      // One assertion for all events of a batch: one for each took most of the test's time.
      expect(events.filter(({ revision }) => revision <= after)).toEqual([]);
      expect(events.length > 0).toBe(kind === 'events');
      last = bookmark.revision;
    }
    const told = this.batches.flatMap(({ events }) => events);
    const upTo = this.bookmark;
    const expected = model.events.filter(
      (event) =>
        event.revision > this.after && event.revision <= upTo && model.inRange(this.range, asState(event)).length > 0,
    );
    expect(told).toEqual(expected.map(withoutPrevious));
  }
}

function withoutPrevious(event: WatchEvent): unknown {
  return { ...event, previous: undefined };
}

function asState(event: Model['events'][number]): ReadonlyMap<string, KeyValue> {
  if (event.type === 'delete-range') throw new Error('the model deletes keys');
  const key = event.type === 'put' ? event.current.key : event.key;
  return new Map([[key, { key } as KeyValue]]);
}

describe('a memory store equals a naive model', () => {
  test.each(seeds(11, 4))('over thousands of writes, reads and compactions (seed %i)', async (seed) => {
    random = new Random(seed);
    for (let step = 0; step < 1_500; step++) {
      await write();
      if (random.chance(0.5)) await read();
      if (random.chance(0.02) && model.head > model.compacted) await compact();
    }
    const pages = [];
    for await (const page of store.scan({ prefix: '' })) pages.push(page);
    const keys = pages.flatMap((page) => Array.from({ length: page.length }, (_, i) => page.key(i)));
    expect(keys).toEqual(model.inRange({ prefix: '' }).map(({ key }) => key));
  });

  test.each(seeds(21, 3))('in what watches of any pace are told, or say is compacted (seed %i)', async (seed) => {
    random = new Random(seed);
    const { identity } = await store.status();
    const followers: Follower[] = [];
    for (let step = 0; step < 600; step++) {
      await write();
      if (random.chance(0.1)) {
        const on = range();
        const after = Math.max(1, model.compacted, model.head - random.int(60));
        const watch = store.watch(on, {
          after: { identity, revision: toRevision(after) },
          bufferBytes: random.pick([1, 1_000, 1_000_000]),
        });
        const slow = random.chance(0.5);
        const delay = 1 + random.int(3);
        followers.push(
          new Follower(watch, on, after, () =>
            slow ? new Promise((resolve) => setTimeout(resolve, delay)) : Promise.resolve(),
          ),
        );
      }
      if (random.chance(0.01) && model.head > model.compacted) await compact();
      if (random.chance(0.2)) await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(followers.map((follower) => follower.reaches(model.head)));
    let compacted = 0;
    for (const follower of followers) {
      follower.check();
      if (follower.error !== undefined) {
        expect(isStoreError(follower.error, 'compacted')).toBe(true);
        expect(follower.bookmark).toBeLessThan(model.compacted);
        compacted += 1;
      }
    }
    expect(followers.length).toBeGreaterThan(30);
    expect(compacted).toBeLessThan(followers.length);
    expect(store.watcherCount).toBe(0);
  });
});
