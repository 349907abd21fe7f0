import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, expectTrue, show, text, utf8 } from '../expect.js';
import { keysOf, pagesOf, rawKey, untyped } from './support.js';

// After UTF-16 code units the first sorts before the second: its first unit is a surrogate, 0xD83D.
const ASTRAL = '\u{1F600}';
const BELOW_IT = '\uFF61';

export const keyCases: readonly ConformanceCase[] = [
  {
    id: 'C1.text-value-is-utf8',
    clauses: ['C1'],
    writes: 'outside',
    title: 'a string value is stored as its UTF-8 bytes',
    async run({ store, key }) {
      await store.put(key('a'), 'grüße 鍵 🔑');
      expectEqual((await store.get(key('a')))?.value, utf8('grüße 鍵 🔑'), 'the value');
    },
  },
  {
    id: 'C1.binary-value-round-trips',
    clauses: ['C1'],
    writes: 'outside',
    title: 'every byte comes back as it went in',
    requires: { binaryValues: true },
    async run({ store, key }) {
      const value = Uint8Array.from({ length: 512 }, (_, index) => index % 256);
      await store.put(key('a'), value);
      expectEqual((await store.get(key('a')))?.value, value, 'the value');
    },
  },
  {
    id: 'C1.text-only-store-refuses-binary',
    clauses: ['C1', 'C15'],
    title: 'a store of text refuses values that are not UTF-8, and does not mangle them',
    requires: { binaryValues: false },
    async run({ store, key }) {
      const call = store.put(key('a'), Uint8Array.of(0xff, 0xfe));
      await expectStoreError(call, 'invalid-argument', 'a put of bytes that are not UTF-8');
      expectEqual(await store.get(key('a')), undefined, 'the key after the refused put');
    },
  },
  {
    id: 'C1.empty-value-is-a-value',
    clauses: ['C1'],
    writes: 'outside',
    title: 'an empty value is there, and empty',
    async run({ store, key }) {
      await store.put(key('a'), '');
      const entry = await store.get(key('a'));
      expectTrue(entry !== undefined, 'a key with an empty value must be found');
      expectEqual(entry.value, new Uint8Array(), 'the value');
    },
  },
  {
    id: 'C1.any-unicode-key',
    clauses: ['C1'],
    writes: 'outside',
    title: 'keys of any script come back as they were written',
    async run({ store, key, all }) {
      const names = ['ключ', '鍵', 'مفتاح', ASTRAL, 'a b', '%41', 'a?b#c&d=e+f', 'quo"te\\'];
      for (const name of names) await store.put(key(name), name);
      const { items } = await store.list(all);
      expectEqual(
        items.map((item) => [item.key, text(item.value)]).sort(),
        names.map((name) => [key(name), name]).sort(),
        'keys and values',
      );
      for (const name of names) expectEqual(text((await store.get(key(name)))?.value), name, `the value of ${name}`);
    },
  },
  {
    id: 'C1.no-normalisation',
    clauses: ['C1'],
    writes: 'outside',
    title: 'two keys that look alike and differ in their bytes are two keys',
    async run({ store, key, all }) {
      await store.put(key('\u00e9'), 'composed');
      await store.put(key('e\u0301'), 'decomposed');
      await store.put(key('\ufeffa'), 'with a byte order mark');
      await store.put(key('a'), 'without');
      expectEqual((await store.list(all)).count, 4, 'the number of keys');
      expectEqual(text((await store.get(key('\u00e9')))?.value), 'composed', 'the composed key');
      expectEqual(
        text((await store.get(key('\ufeffa')))?.value),
        'with a byte order mark',
        'the key with a byte order mark',
      );
    },
  },
  {
    id: 'C1.list-order-is-utf8',
    clauses: ['C1'],
    writes: 'outside',
    title: 'a list is in the order of UTF-8 bytes, not of UTF-16 units',
    async run({ store, key, all }) {
      const names = ['A', 'Z', 'a', 'aa', 'b', '\u007f', '\u0080', '\ud7ff', '\ue000', BELOW_IT, '\uffee', ASTRAL];
      for (const name of [...names].reverse()) await store.put(key(name), '');
      expectEqual(keysOf(await store.list(all)), names.map(key), 'the keys in order');
    },
  },
  {
    id: 'C1.scan-order-is-utf8',
    clauses: ['C1', 'C5'],
    writes: 'outside',
    title: 'a scan is in the order of UTF-8 bytes',
    async run({ store, key, all }) {
      for (const name of [ASTRAL, BELOW_IT, 'a']) await store.put(key(name), '');
      const keys = (await pagesOf(store.scan(all))).flatMap((page) => page.entries.map((entry) => entry.key));
      expectEqual(keys, [key('a'), key(BELOW_IT), key(ASTRAL)], 'the keys in order');
    },
  },
  {
    id: 'C1.bounds-compare-as-utf8',
    clauses: ['C1', 'C2'],
    writes: 'outside',
    title: 'the bounds of a range compare as UTF-8 bytes',
    async run({ store, key }) {
      for (const name of ['a', BELOW_IT, '\uffee', ASTRAL]) await store.put(key(name), '');
      const range = { start: key(BELOW_IT), end: key(ASTRAL) };
      expectEqual(keysOf(await store.list(range)), [key(BELOW_IT), key('\uffee')], 'the keys between the bounds');
    },
  },
  {
    id: 'C1.any-syntax-keeps-keys',
    clauses: ['C1', 'C15'],
    writes: 'outside',
    title: 'a store of any key syntax keeps keys that a path would lose',
    requires: { keySyntax: 'any' },
    async run({ store, key, all }) {
      const names = ['/', '//', './x', '../x', '_hidden', 'dir/', 'dir', 'dir//x', 'nul\0byte', ' '];
      for (const name of names) await store.put(key(name), name);
      const { items } = await store.list(all);
      expectEqual(
        items.map((item) => [item.key, text(item.value)]).sort(),
        names.map((name) => [key(name), name]).sort(),
        'keys and values',
      );
    },
  },
  {
    id: 'C1.path-syntax-refuses-what-it-would-change',
    clauses: ['C1', 'C15'],
    title: 'a store of paths refuses keys that it would change or hide',
    requires: { keySyntax: 'path' },
    async run({ store, key }) {
      const bad = ['no-slash', key('a//b'), key('./a'), key('../a'), key('a/'), key('_hidden'), key('_hidden/a'), '/'];
      for (const name of bad) {
        await expectStoreError(store.put(name, ''), 'invalid-argument', `a put of ${show(name)}`);
        await expectStoreError(store.get(name), 'invalid-argument', `a get of ${show(name)}`);
      }
    },
  },
  {
    id: 'C1.empty-key-is-invalid',
    clauses: ['C1'],
    title: 'an empty key is refused by every call',
    async run({ store }) {
      const code = 'invalid-argument';
      await expectStoreError(() => store.get(''), code, 'get');
      await expectStoreError(() => store.list({ key: '' }), code, 'list');
      await expectStoreError(() => store.put('', 'x'), code, 'put');
      await expectStoreError(() => store.delete(''), code, 'delete');
      await expectStoreError(() => store.txn({ then: [{ type: 'put', key: '', value: 'x' }] }), code, 'a put in a txn');
      const compare = { key: '', target: 'createRevision', op: '=', value: 0 } as const;
      await expectStoreError(() => store.txn({ if: [compare] }), code, 'a compare in a txn');
      await expectStoreError(async () => store.watch('').ready, code, 'watch');
    },
  },
  {
    id: 'C1.lone-surrogates-are-invalid',
    clauses: ['C1'],
    title: 'a lone surrogate in a key, prefix, bound or value is refused, not replaced',
    async run({ store, key, all }) {
      const code = 'invalid-argument';
      for (const bad of [key('\ud800'), key('a\udc00b')]) {
        await expectStoreError(() => store.get(bad), code, 'get');
        await expectStoreError(() => store.put(bad, 'x'), code, 'put of the key');
        await expectStoreError(() => store.put(key('a'), bad), code, 'put of the value');
        await expectStoreError(() => store.delete(bad), code, 'delete');
        await expectStoreError(() => store.list({ prefix: bad }), code, 'list of the prefix');
        await expectStoreError(() => store.list({ start: bad }), code, 'list from the start');
        await expectStoreError(() => store.list({ end: bad }), code, 'list to the end');
        await expectStoreError(async () => store.watch({ prefix: bad }).ready, code, 'watch of the prefix');
      }
      expectEqual((await store.list(all)).count, 0, 'the number of keys written');
    },
  },
  {
    id: 'C1.wrong-types-are-invalid',
    clauses: ['C1'],
    title: 'keys and values of another type are refused, not converted',
    async run({ store, key, all }) {
      const code = 'invalid-argument';
      for (const bad of [1, null, undefined, {}, ['a'], true]) {
        await expectStoreError(() => untyped(store).get(bad), code, `get of ${show(bad)}`);
        await expectStoreError(() => untyped(store).put(bad, 'x'), code, `put of key ${show(bad)}`);
        await expectStoreError(() => untyped(store).put(key('a'), bad), code, `put of value ${show(bad)}`);
      }
      expectEqual((await store.list(all)).count, 0, 'the number of keys written');
    },
  },
  {
    id: 'C1.values-are-copied-in',
    clauses: ['C1'],
    advice: 'copy the bytes of a value when you keep it, and when you give it away',
    title: 'bytes that the caller changes after the put change nothing in the store',
    async run({ store, key }) {
      const value = utf8('before');
      await store.put(key('a'), value);
      value.set(utf8('after!'));
      expectEqual(text((await store.get(key('a')))?.value), 'before', 'the stored value');
    },
  },
  {
    id: 'C1.long-key-round-trips',
    clauses: ['C1'],
    writes: 'outside',
    title: 'a key of 2 KB is a key like others',
    requires: { maxKeyBytes: (most) => most === undefined || most >= 2_100 },
    async run({ store, key, all }) {
      const long = key('k'.repeat(2_000));
      await store.put(long, 'x');
      expectEqual(keysOf(await store.list(all)), [long], 'the keys');
    },
  },
  {
    id: 'C1.undecodable-keys-in-lists',
    clauses: ['C1'],
    writes: 'outside',
    title: 'keys that are not UTF-8 are listed raw, each by itself, and counted',
    needs: ['putRaw'],
    async run(context) {
      const { store, key, all } = context;
      const [one, two] = [rawKey(key('x'), 0xff), rawKey(key('x'), 0xfe)];
      const before = await store.put(key('a'), '');
      await context.hook('putRaw')(one, utf8('1'));
      await context.hook('putRaw')(two, utf8('2'));
      // What both would become if the decoder replaced what it can't read.
      await store.put(key('x\ufffd'), '3');
      const list = await store.list(all);
      expectEqual(keysOf(list), [key('a'), key('x\ufffd')], 'the readable keys');
      expectEqual(
        list.undecodable.map((entry) => entry.rawKey),
        [two, one],
        'the unreadable keys, in order',
      );
      expectEqual(list.count, 4, 'count');
      for (const entry of list.undecodable) {
        expectTrue(entry.revision > before.revision, `an unreadable key must tell its revision, got ${entry.revision}`);
        expectEqual(entry.deleted, false, 'deleted');
      }
    },
  },
  {
    id: 'C1.undecodable-keys-in-pages',
    clauses: ['C1', 'C5'],
    writes: 'outside',
    title: 'a scan lists keys that are not UTF-8 apart from the others',
    needs: ['putRaw'],
    async run(context) {
      const { store, key, all } = context;
      const raw = rawKey(key('x'), 0xc0, 0x80);
      await store.put(key('a'), '1');
      await context.hook('putRaw')(raw, utf8('2'));
      await store.put(key('z'), '3');
      const pages = await pagesOf(store.scan(all));
      expectEqual(
        pages.flatMap((page) => page.entries.map((entry) => entry.key)),
        [key('a'), key('z')],
        'readable keys',
      );
      expectEqual(
        pages.flatMap((page) => page.undecodable.map((entry) => entry.rawKey)),
        [raw],
        'unreadable keys',
      );
      expectEqual(pages[0]?.total, 3, 'total');
    },
  },
  {
    id: 'C1.undecodable-keys-in-batches',
    clauses: ['C1', 'C10'],
    writes: 'outside',
    title: 'a watch tells of keys that are not UTF-8 raw, and of their deletion',
    needs: ['putRaw', 'deleteRaw'],
    async run(context) {
      const { store, key } = context;
      const raw = rawKey(key('x'), 0xff);
      const reader = await context.follow();
      await context.hook('putRaw')(raw, utf8('1'));
      await context.hook('deleteRaw')(raw);
      await store.put(key('end'), '');
      expectEqual(await reader.untilKey(key('end')), [], 'events before the sentinel');
      const told = reader.batches.flatMap((batch) => batch.undecodable);
      expectEqual(
        told.map((entry) => [entry.rawKey, entry.deleted]),
        [
          [raw, false],
          [raw, true],
        ],
        'unreadable keys',
      );
      expectTrue((told[0]?.revision ?? 0) < (told[1]?.revision ?? 0), 'each must tell its own revision');
    },
  },
];
