import type { Range } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, expectTrue, show, utf8 } from '../expect.js';
import { keyOf } from '../watch-reader.js';
import { keysOf, pagesOf, rawKey, untyped } from './support.js';

const ANY_DELETE = { rangeDeletes: 'any' } as const;

export const rangeCases: readonly ConformanceCase[] = [
  {
    id: 'C2.one-key',
    clauses: ['C2'],
    writes: 'outside',
    title: 'a string, or { key }, is that key alone and not what begins with it',
    async run({ store, key }) {
      for (const name of ['a', 'a0', 'ab', 'b']) await store.put(key(name), '');
      expectEqual(keysOf(await store.list(key('a'))), [key('a')], 'list of a string');
      expectEqual(keysOf(await store.list({ key: key('a') })), [key('a')], 'list of { key }');
    },
  },
  {
    id: 'C2.prefix-is-a-string-prefix',
    clauses: ['C2'],
    writes: 'outside',
    title: "a prefix is a plain string prefix: 'a' matches 'a', 'ab' and 'a/b'",
    async run({ store, key }) {
      for (const name of ['a', 'a/b', 'aa', 'ab', 'b']) {
        if (name === 'a/b' && store.capabilities.keySyntax === 'path') continue;
        await store.put(key(name), '');
      }
      const expected = ['a', 'a/b', 'aa', 'ab'].filter(
        (name) => name !== 'a/b' || store.capabilities.keySyntax === 'any',
      );
      expectEqual(keysOf(await store.list({ prefix: key('a') })), expected.map(key), 'list of the prefix');
    },
  },
  {
    id: 'C2.prefix-with-slash-is-a-directory',
    clauses: ['C2'],
    writes: 'outside',
    title: 'a prefix that ends with a slash matches what is below it, and not its siblings (trap 13)',
    async run({ store, key }) {
      for (const name of ['dir-x', 'dir.x', 'dir/a', 'dir/sub/b', 'dirt']) await store.put(key(name), '');
      const list = await store.list({ prefix: key('dir/') });
      expectEqual(keysOf(list), [key('dir/a'), key('dir/sub/b')], 'list of the prefix');
    },
  },
  {
    id: 'C2.prefix-inside-a-name',
    clauses: ['C2'],
    writes: 'outside',
    title: 'a prefix may end anywhere in a name, below any number of directories',
    async run({ store, key }) {
      for (const name of ['d/r0/x', 'd/r1', 'd/r10/x', 'd/r2', 'd/s']) await store.put(key(name), '');
      expectEqual(
        keysOf(await store.list({ prefix: key('d/r1') })),
        [key('d/r1'), key('d/r10/x')],
        'list of the prefix',
      );
    },
  },
  {
    id: 'C2.prefix-whose-end-is-not-utf8',
    clauses: ['C2'],
    writes: 'outside',
    title: 'a prefix whose end is no UTF-8 string is read, and watched, exactly',
    async run(context) {
      const { store, key } = context;
      // The last bytes of both are such that adding one leaves UTF-8.
      for (const last of ['\u007f', '\u00bf', '\u{10ffff}']) {
        const prefix = key(`p${last}`);
        const reader = await context.follow({ prefix });
        await store.put(`${prefix}a`, '');
        await store.put(key(`p${last === '\u007f' ? '\u0080' : '~'}`), last);
        await store.put(`${prefix}b`, '');
        expectEqual(keysOf(await store.list({ prefix })), [`${prefix}a`, `${prefix}b`], `list of ${show(prefix)}`);
        const events = await reader.untilEvents(2);
        expectEqual(events.map(keyOf), [`${prefix}a`, `${prefix}b`], `events of ${show(prefix)}`);
      }
    },
  },
  {
    id: 'C2.interval-is-half-open',
    clauses: ['C2'],
    writes: 'outside',
    title: 'an interval includes its start and excludes its end',
    async run({ store, key }) {
      for (const name of ['a', 'b', 'bb', 'c', 'd']) await store.put(key(name), '');
      expectEqual(
        keysOf(await store.list({ start: key('b'), end: key('c') })),
        [key('b'), key('bb')],
        'list of [b, c)',
      );
      const bytes = { start: utf8(key('b')), end: utf8(key('c')) };
      expectEqual(keysOf(await store.list(bytes)), [key('b'), key('bb')], 'list of [b, c) as bytes');
    },
  },
  {
    id: 'C2.open-intervals',
    clauses: ['C2'],
    writes: 'outside',
    title: 'an interval without an end runs to the last key, and without a start from the first',
    async run({ store, key, prefix }) {
      for (const name of ['a', 'b', 'c']) await store.put(key(name), '');
      const mine = (keys: string[]) => keys.filter((name) => name.startsWith(prefix));
      expectEqual(mine(keysOf(await store.list({ start: key('b') }))), [key('b'), key('c')], 'list from b');
      expectEqual(mine(keysOf(await store.list({ end: key('b') }))), [key('a')], 'list up to b');
    },
  },
  {
    id: 'C2.empty-prefix-is-everything',
    clauses: ['C2'],
    writes: 'outside',
    title: 'the empty prefix is everything',
    async run({ store, key, prefix }) {
      for (const name of ['a', 'z']) await store.put(key(name), '');
      const list = await store.list({ prefix: '' });
      expectEqual(
        keysOf(list).filter((name) => name.startsWith(prefix)),
        [key('a'), key('z')],
        'the keys of this case in the list of everything',
      );
      expectTrue(list.count >= 2, `the count of everything must be at least 2, got ${list.count}`);
    },
  },
  {
    id: 'C2.byte-bounds-reach-raw-keys',
    clauses: ['C2', 'C1'],
    writes: 'outside',
    title: 'bounds in bytes reach keys that no string bound can name, 0xff included',
    needs: ['putRaw'],
    async run(context) {
      const { store, key } = context;
      await store.put(key('a'), '');
      for (const last of [0xfe, 0xff]) await context.hook('putRaw')(rawKey(key(''), last), utf8(''));
      const list = await store.list({ start: rawKey(key(''), 0xff), end: rawKey(key(''), 0xff, 0xff) });
      expectEqual(
        list.undecodable.map((entry) => entry.rawKey),
        [rawKey(key(''), 0xff)],
        'the raw keys in the range',
      );
      expectEqual([list.count, keysOf(list)], [1, []], 'count and readable keys');
    },
  },
  {
    id: 'C2.empty-interval-is-invalid',
    clauses: ['C2'],
    title: 'an interval that can hold nothing is refused by every call',
    async run({ store, key }) {
      await store.put(key('a'), '');
      for (const range of [
        { start: key('b'), end: key('b') },
        { start: key('b'), end: key('a') },
        { start: key('\u{1F600}'), end: key('\uff61') },
        // No key lies before the smallest one, which etcd's bounds for "everything" begin and end with.
        { start: '', end: '\0' },
        { start: Uint8Array.of(), end: Uint8Array.of(0) },
        { end: '\0' },
        { start: '\0', end: '\0' },
        { start: '', end: '' },
        { end: '' },
      ]) {
        const op = (type: 'list' | 'delete') => () => store.txn({ then: [{ type, range }] });
        const compare = () => store.txn({ if: [{ range, target: 'version', op: '=', value: 0 }] });
        await expectStoreError(() => store.list(range), 'invalid-argument', `list of ${show(range)}`);
        await expectStoreError(() => pagesOf(store.scan(range)), 'invalid-argument', `scan of ${show(range)}`);
        await expectStoreError(() => store.delete(range), 'invalid-argument', `delete of ${show(range)}`);
        await expectStoreError(op('list'), 'invalid-argument', `list of ${show(range)} in a transaction`);
        await expectStoreError(op('delete'), 'invalid-argument', `delete of ${show(range)} in a transaction`);
        await expectStoreError(compare, 'invalid-argument', `compare of ${show(range)}`);
        await expectStoreError(async () => store.watch(range).ready, 'invalid-argument', `watch of ${show(range)}`);
      }
      expectTrue((await store.get(key('a'))) !== undefined, 'the key must still be there');
    },
  },
  {
    id: 'C2.malformed-range-is-invalid',
    clauses: ['C2'],
    title: 'a range of no known shape is refused, and never read as everything',
    async run({ store, key }) {
      await store.put(key('a'), '');
      const bad = [
        undefined,
        null,
        {},
        [],
        7,
        { prefix: undefined },
        { prefix: 1 },
        { key: key('a'), prefix: key('') },
      ];
      for (const range of [...bad, { prefx: key('a') }, { start: 1 }, { start: key('a'), prefix: key('a') }]) {
        await expectStoreError(() => untyped(store).list(range), 'invalid-argument', `list of ${show(range)}`);
        await expectStoreError(() => untyped(store).delete(range), 'invalid-argument', `delete of ${show(range)}`);
        const watch = async () => store.watch(range as unknown as Range).ready;
        await expectStoreError(watch, 'invalid-argument', `watch of ${show(range)}`);
      }
      expectTrue((await store.get(key('a'))) !== undefined, 'the key must still be there');
    },
  },
  {
    id: 'C2.delete-of-a-prefix',
    clauses: ['C2', 'C6'],
    title: 'the deletion of a prefix takes all of its keys and no others',
    requires: ANY_DELETE,
    async run({ store, key, all }) {
      for (const name of ['a', 'b', 'b/x', 'b0', 'c']) await store.put(key(name), '');
      expectEqual((await store.delete({ prefix: key('b') })).deleted, 3, 'deleted');
      expectEqual(keysOf(await store.list(all)), [key('a'), key('c')], 'what is left');
    },
  },
  {
    id: 'C2.delete-of-an-interval',
    clauses: ['C2', 'C6'],
    title: 'the deletion of an interval leaves its end',
    requires: ANY_DELETE,
    async run({ store, key, all }) {
      for (const name of ['a', 'b', 'bb', 'c']) await store.put(key(name), '');
      expectEqual((await store.delete({ start: key('b'), end: key('c') })).deleted, 2, 'deleted');
      expectEqual(keysOf(await store.list(all)), [key('a'), key('c')], 'what is left');
    },
  },
  {
    id: 'C2.delete-of-one-key',
    clauses: ['C2', 'C6'],
    writes: 'outside',
    title: 'the deletion of one key leaves those that begin with it',
    async run({ store, key, all }) {
      for (const name of ['a', 'ab']) await store.put(key(name), '');
      await store.delete(key('a'));
      expectEqual(keysOf(await store.list(all)), [key('ab')], 'what is left');
    },
  },
  {
    id: 'C2.watch-of-a-prefix',
    clauses: ['C2', 'C10'],
    writes: 'outside',
    title: 'a watch of a prefix tells of its keys and no others',
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow({ prefix: key('b') });
      for (const name of ['a', 'b1', 'c', 'bb', 'B', 'b~']) await store.put(key(name), '');
      expectEqual((await reader.untilEvents(3)).map(keyOf), ['b1', 'bb', 'b~'].map(key), 'the keys told');
    },
  },
  {
    id: 'C2.watch-of-one-key',
    clauses: ['C2', 'C10'],
    writes: 'outside',
    title: 'a watch of one key does not tell of keys that begin with it',
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow(key('a'));
      for (const [index, name] of ['a', 'ab', 'a0', 'A', 'a'].entries()) await store.put(key(name), String(index));
      const events = await reader.untilEvents(2);
      expectEqual(events.map(keyOf), [key('a'), key('a')], 'the keys told');
    },
  },
  {
    id: 'C2.watch-of-an-interval',
    clauses: ['C2', 'C10'],
    writes: 'outside',
    title: 'a watch of an interval includes its start and excludes its end',
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow({ start: key('b'), end: key('d') });
      for (const name of ['a', 'b', 'd', 'c', 'e', 'cc']) await store.put(key(name), '');
      expectEqual((await reader.untilEvents(3)).map(keyOf), ['b', 'c', 'cc'].map(key), 'the keys told');
    },
  },
  {
    id: 'C2.watch-of-everything',
    clauses: ['C2', 'C10'],
    writes: 'outside',
    title: 'a watch of the empty prefix tells of every key',
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow({ prefix: '' });
      for (const name of ['a', 'z']) await store.put(key(name), '');
      expectEqual((await reader.untilEvents(2)).map(keyOf), [key('a'), key('z')], 'the keys told');
    },
  },
];
