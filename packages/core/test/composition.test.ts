import type { KeyValue, Page, UndecodableKey, WatchBatch, WatchEvent } from '@holdfast/store';
import { compareBytes, encodeUtf8, KeyRange, keySuccessor, ListPage, Slicer } from '@holdfast/store/adapter';
import { Random } from '@holdfast/testkit';
import { describe, expect, test } from '@jest/globals';
import { seeds } from '../../../.ci/test/support/sample.js';
import { Composition } from '../src/reads/composition.js';
import { Intervals } from '../src/reads/intervals.js';
import { LaterEvents } from '../src/reads/later-events.js';
import { at, batch, clock, kv, put, raw, remove } from './support/tables.js';

interface State {
  readonly entries: ReadonlyMap<string, KeyValue>;
  /** By their one byte past the prefix. */
  readonly unreadable: ReadonlyMap<number, UndecodableKey>;
}

const PREFIX = '/p/';
const KEYS = Array.from({ length: 12 }, (_, n) => `${PREFIX}${n < 6 ? 'a' : 'b'}/${n}`);
const rawKey = (byte: number) => [...encodeUtf8(PREFIX), byte];

/** A store's history: its state at each revision, and the batch that led there. */
class History {
  readonly states: State[] = [{ entries: new Map(), unreadable: new Map() }];
  readonly batches: (WatchBatch | undefined)[] = [undefined];
  readonly #random: Random;

  constructor(random: Random, revisions: number) {
    this.#random = random;
    while (this.states.length <= revisions) this.#step();
  }

  #step(): void {
    const revision = this.states.length;
    const before = this.states[revision - 1]!;
    const entries = new Map(before.entries);
    const unreadable = new Map(before.unreadable);
    const events: WatchEvent[] = [];
    const undecodable: UndecodableKey[] = [];
    const putKey = (key: string) => {
      const created = entries.get(key)?.createRevision ?? revision;
      entries.set(key, kv(key, revision, revision, created));
      events.push(put(key, revision, revision, created));
    };
    const act = this.#random.below(10);
    const key = KEYS[this.#random.below(KEYS.length)]!;
    if (act < 4) putKey(key);
    else if (act < 6) {
      if (entries.delete(key)) events.push(remove(key, revision));
    } else if (act === 6) {
      for (const each of KEYS) if (this.#random.below(3) === 0) putKey(each);
    } else if (act === 7) {
      const range = { prefix: `${PREFIX}${this.#random.below(2) === 0 ? 'a/' : 'b/'}` };
      for (const each of KEYS) if (KeyRange.from(range).contains(each)) entries.delete(each);
      events.push({ type: 'delete-range', revision: at(revision).revision, range });
    } else {
      const byte = 0xf8 + this.#random.below(3);
      const deleted = this.#random.below(3) === 0;
      const told = raw(rawKey(byte), revision, deleted);
      if (deleted) unreadable.delete(byte);
      else unreadable.set(byte, told);
      undecodable.push(told);
    }
    this.states.push({ entries, unreadable });
    this.batches.push(batch(revision, events, undecodable));
  }
}

/** The keys of a state in `[start, end)`, as a list gives them. */
function pageAt(
  { entries, unreadable }: State,
  revision: number,
  start: Uint8Array,
  end: Uint8Array | undefined,
): Page {
  const inside = (key: Uint8Array) =>
    compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0);
  const items = [...entries.values()]
    .filter(({ key }) => inside(encodeUtf8(key)))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const undecodable = [...unreadable.values()].filter((key) => inside(key.rawKey));
  return new ListPage(
    { items, undecodable, bookmark: at(revision), count: items.length + undecodable.length, more: false },
    false,
  );
}

function contentOf(pages: Iterable<Page>) {
  const entries = new Map<string, string>();
  const unreadable: string[] = [];
  let total = 0;
  for (const page of pages) {
    total = page.total;
    for (let index = 0; index < page.length; index++) {
      const key = page.key(index);
      if (entries.has(key)) throw new Error(`${key} is there twice`);
      entries.set(
        key,
        `${page.modRevision(index)} ${page.createRevision(index)} ${Buffer.from(page.value(index)).toString()}`,
      );
    }
    unreadable.push(
      ...page.undecodable.map(({ rawKey: bytes, revision }) => `${Buffer.from(bytes).toString('hex')} ${revision}`),
    );
  }
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  return { total, entries: sorted, unreadable: unreadable.sort() };
}

describe('pieces that were read at different revisions, and the events newer than they are', () => {
  test.each(seeds(1, 200))('are the state at the last event: seed %i', async (seed) => {
    const random = new Random(seed);
    const revisions = 10 + random.below(60);
    const history = new History(random, revisions);
    const first = 1 + random.below(revisions);
    let read = first;
    const bounds = KEYS.filter(() => random.below(3) === 0)
      .map((key) => keySuccessor(encodeUtf8(key)))
      .sort(compareBytes);
    const intervals = new Intervals();
    const pages: Page[] = [];
    let start: Uint8Array = Uint8Array.of(0);
    for (const end of [...bounds, undefined]) {
      const page = pageAt(history.states[read]!, read, start, end);
      pages.push(page);
      intervals.add({ page, end });
      start = end ?? start;
      read = Math.min(revisions, read + random.below(6));
    }
    const events = new LaterEvents();
    for (let revision = first + 1; revision <= revisions; revision++) events.add(history.batches[revision]!);
    const composition = await Composition.of(pages, intervals, events, new Slicer(clock));
    const whole = pageAt(history.states[revisions]!, revisions, Uint8Array.of(0), undefined);
    const composed = [...composition.pages(at(revisions))];
    expect(contentOf(composed)).toEqual(contentOf([whole]));
    expect(
      composed.every(({ bookmark, total }) => bookmark.revision === revisions && total === composition.total),
    ).toBe(true);
    expect(composed.map(({ more }) => more)).toEqual([...composed.slice(1).map(() => true), false]);
  });

  test('without any events the pages are passed on as they are', async () => {
    const page = pageAt(
      { entries: new Map([['/p/a', kv('/p/a', 1, 2)]]), unreadable: new Map() },
      3,
      Uint8Array.of(0),
      undefined,
    );
    const intervals = new Intervals();
    intervals.add({ page, end: undefined });
    const composition = await Composition.of([page], intervals, new LaterEvents(), new Slicer(clock));
    expect(composition.total).toBe(1);
    expect(contentOf(composition.pages(at(7))).entries).toEqual(contentOf([page]).entries);
  });
});
