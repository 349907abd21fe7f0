// The check that every fault test ends with, held against mirrors that are not what they should be.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Change } from '@holdfast/core';
import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { toRevision } from '@holdfast/store';
import { decodeUtf8 } from '@holdfast/store/adapter';
import { eventually } from '@holdfast/testkit';
import type { Outside } from './outside.js';
import { ListenersCopy, WatchedMirror } from './watched-mirror.js';

const SOON = { timeoutMs: 100 };

let store: MemoryStore;
let watched: WatchedMirror;
let isLate = false;
let looked = 0;

/** The store itself, or what it held at another time. */
const outside: Outside = {
  held: async (prefix) => {
    looked += 1;
    const { items } = await store.list({ prefix });
    return new Map(
      items.map(({ key, value, modRevision, createRevision }) => {
        const json = isLate ? '"later"' : (decodeUtf8(value) ?? '');
        return [key.slice(prefix.length), { json, modRevision, createRevision }];
      }),
    );
  },
  watchers: async () => store.watcherCount,
};

beforeEach(async () => {
  isLate = false;
  store = memoryStore();
  await store.put('/a/1', '1');
  watched = await WatchedMirror.open(store, outside, '/a/');
  await watched.settled();
});

afterEach(async () => {
  await watched.mirror.close();
  await store.close();
});

test('a mirror that is equal and live has settled, whatever happens to it', async () => {
  await store.put('/a/2', '{"n":2}');
  await store.delete('/a/1');
  await watched.settled();
  expect(watched.told).toEqual(['2', '1']);
});

test('a mirror that has another value is found, and one that vouches for it as well', async () => {
  isLate = true;
  await expect(watched.settled(SOON)).rejects.toThrow('the mirror has');
  const settling = expect(watched.settled()).rejects.toThrow('the mirror has');
  const quietSince = Date.now();
  await eventually(() => watched.mirror.sync().then(() => watched.mirror.asOf > quietSince));
  const looks = looked;
  await eventually(() => looked > looks + 1);
  isLate = false;
  await settling;
});

test('a mirror that no longer follows is found', async () => {
  await watched.mirror.close();
  await expect(watched.settled({ ...SOON, watchers: 0 })).rejects.toThrow('closed');
});

test('a watch that is left at the server is found', async () => {
  const leaked = store.watch({ prefix: '/a/' });
  await leaked.ready;
  await expect(watched.settled(SOON)).rejects.toThrow('2 watches instead of 1');
  await expect(watched.close(SOON)).rejects.toThrow('1 watches instead of 0');
});

test('a problem is found', async () => {
  await store.put('/a/1', 'not JSON');
  isLate = true;
  await eventually(() => watched.mirror.problems().length === 1);
  await store.put('/a/1', '"later"');
  await expect(watched.settled(SOON)).rejects.toThrow('1 is listed');
});

test('a listener that is told less, or other than what was, is found', () => {
  const entry = { key: 'k', value: 1, modRevision: toRevision(2), createRevision: toRevision(2) };
  const tell = (copy: ListenersCopy, ...changes: Change<unknown>[]) =>
    copy.tell({ bookmark: watched.mirror.bookmark, version: 1, cause: 'watch', changes });
  const nothing = new ListenersCopy();
  expect(nothing.differences(watched.mirror)).toEqual(['a listener missed 1']);
  const more = new ListenersCopy();
  tell(more, { type: 'put', key: '1', current: watched.mirror.get('1')! }, { type: 'put', key: 'k', current: entry });
  expect(more.violations).toEqual([]);
  expect(more.differences(watched.mirror)).toEqual(['a listener still has k']);
  tell(more, { type: 'put', key: 'k', current: { ...entry } });
  tell(more, { type: 'delete', key: 'x', previous: entry }, { type: 'delete', key: 'x', previous: entry });
  expect(more.violations).toHaveLength(4);
});
