import type { ConformanceCase } from '../case.js';
import { expectEqual, expectTrue, show, text } from '../expect.js';
import { expectRefused } from './support.js';

export const guardCases: readonly ConformanceCase[] = [
  {
    id: 'C6.if-absent',
    clauses: ['C6'],
    title: 'ifAbsent writes where there is no key',
    async run({ store, key }) {
      const result = await store.put(key('a'), '1', { ifAbsent: true });
      expectTrue(result.succeeded, 'the put must succeed');
      const entry = await store.get(key('a'));
      expectEqual([text(entry?.value), entry?.modRevision], ['1', result.revision], 'value and modRevision');
    },
  },
  {
    id: 'C6.if-absent-fails-with-current',
    clauses: ['C6'],
    title: 'ifAbsent on a key that is there fails as a result, with the entry',
    async run(context) {
      const { store, key } = context;
      await store.put(key('a'), '1');
      await expectRefused(context, () => store.put(key('a'), '2', { ifAbsent: true }), 'ifAbsent');
    },
  },
  {
    id: 'C6.if-absent-after-delete',
    clauses: ['C6'],
    title: 'a deleted key is absent',
    async run({ store, key }) {
      await store.put(key('a'), '1');
      await store.delete(key('a'));
      expectTrue((await store.put(key('a'), '2', { ifAbsent: true })).succeeded, 'the put must succeed');
    },
  },
  {
    id: 'C6.if-present',
    clauses: ['C6'],
    title: 'ifPresent writes where there is a key, whatever its value',
    async run({ store, key }) {
      for (const value of ['', '1']) {
        await store.put(key('a'), value);
        expectTrue(
          (await store.put(key('a'), '2', { ifPresent: true })).succeeded,
          `the put over ${show(value)} must succeed`,
        );
        expectEqual(text((await store.get(key('a')))?.value), '2', 'the value');
      }
    },
  },
  {
    id: 'C6.if-present-fails',
    clauses: ['C6'],
    title: 'ifPresent on an absent key fails as a result, without an entry',
    async run(context) {
      const { store, key } = context;
      await expectRefused(context, () => store.put(key('a'), '1', { ifPresent: true }), 'ifPresent');
    },
  },
  {
    id: 'C6.if-mod-revision',
    clauses: ['C6'],
    title: 'ifModRevision writes where the key was last changed at that revision',
    async run({ store, key }) {
      const { revision } = await store.put(key('a'), '1');
      await store.put(key('b'), '1');
      expectTrue((await store.put(key('a'), '2', { ifModRevision: revision })).succeeded, 'the put must succeed');
      expectEqual(text((await store.get(key('a')))?.value), '2', 'the value');
    },
  },
  {
    id: 'C6.if-mod-revision-fails-with-current',
    clauses: ['C6', 'C3'],
    title: 'ifModRevision with an older, a later or a foreign revision fails as a result',
    async run(context) {
      const { store, key } = context;
      const first = await store.put(key('a'), '1');
      const second = await store.put(key('a'), '1');
      const foreign = await store.put(key('b'), '1');
      for (const ifModRevision of [first.revision, second.revision - 1, foreign.revision, foreign.revision + 1_000]) {
        await expectRefused(
          context,
          () => store.put(key('a'), '2', { ifModRevision }),
          `ifModRevision ${ifModRevision}`,
        );
      }
    },
  },
  {
    id: 'C6.if-mod-revision-of-nothing',
    clauses: ['C6'],
    title: 'ifModRevision on a key that is gone fails as a result, without an entry',
    async run(context) {
      const { store, key } = context;
      const { revision } = await store.put(key('a'), '1');
      await store.delete(key('a'));
      await expectRefused(context, () => store.put(key('a'), '2', { ifModRevision: revision }), 'ifModRevision');
    },
  },
  {
    id: 'C6.if-value',
    clauses: ['C6'],
    title: 'ifValue writes where the value is that one, the empty one too',
    async run({ store, key }) {
      for (const value of ['one', 'grüße', '']) {
        await store.put(key('a'), value);
        expectTrue(
          (await store.put(key('a'), 'new', { ifValue: value })).succeeded,
          `ifValue ${show(value)} must succeed`,
        );
        expectEqual(text((await store.get(key('a')))?.value), 'new', 'the value');
      }
    },
  },
  {
    id: 'C6.if-value-fails-with-current',
    clauses: ['C6'],
    title: 'ifValue with any other value, a prefix and the empty one too, fails as a result',
    async run(context) {
      const { store, key } = context;
      await store.put(key('a'), 'one');
      for (const ifValue of ['on', 'one ', 'onf', 'One', '']) {
        await expectRefused(context, () => store.put(key('a'), '2', { ifValue }), `ifValue ${show(ifValue)}`);
      }
    },
  },
  {
    id: 'C6.if-value-of-nothing',
    clauses: ['C6'],
    title: 'ifValue on an absent key fails as a result: an absent key has no empty value',
    async run(context) {
      const { store, key } = context;
      for (const ifValue of ['', 'x']) {
        await expectRefused(context, () => store.put(key('a'), '2', { ifValue }), `ifValue ${show(ifValue)}`);
      }
    },
  },
  {
    id: 'C6.guarded-put-previous',
    clauses: ['C6'],
    title: 'a guarded put gives the entry that it replaced, where asked',
    requires: { previousValues: true },
    async run({ store, key }) {
      const { revision } = await store.put(key('a'), '1');
      const before = await store.get(key('a'));
      const result = await store.put(key('a'), '2', { ifModRevision: revision, previous: true });
      expectEqual(result.succeeded && result.previous, before, 'previous');
    },
  },
  {
    id: 'C6.guarded-put-with-lease',
    clauses: ['C6', 'C8'],
    title: 'a guarded put attaches its lease, and only where the guard holds',
    requires: { leases: true },
    async run({ store, key }) {
      const { id } = await store.leases.grant(60);
      const created = await store.put(key('a'), '1', { ifAbsent: true, lease: id });
      expectTrue(created.succeeded, 'the first put must succeed');
      expectEqual((await store.get(key('a')))?.lease, id, 'the lease');
      await store.put(key('b'), '1');
      expectTrue(
        !(await store.put(key('b'), '1', { ifAbsent: true, lease: id })).succeeded,
        'the second put must fail',
      );
      expectEqual((await store.get(key('b')))?.lease, undefined, 'the lease of the key that was there');
      await store.leases.revoke(id);
    },
  },
];
