import { isStoreError } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { briefly } from '../watch-reader.js';
import { expectEqual, expectStoreError, expectTrue, show, text } from '../expect.js';
import { untyped } from './support.js';

const PREVIOUS = { previousValues: true } as const;

export const writeCases: readonly ConformanceCase[] = [
  {
    id: 'C6.put-overwrites',
    clauses: ['C6'],
    title: 'a put replaces the value, and its result is the revision alone',
    async run({ store, key }) {
      await store.put(key('a'), '1');
      const result = await store.put(key('a'), '2');
      expectEqual(
        Object.keys(result).filter((name) => result[name as 'revision'] !== undefined),
        ['revision'],
        'what is in the result',
      );
      expectEqual(text((await store.get(key('a')))?.value), '2', 'the value');
    },
  },
  {
    id: 'C6.put-previous',
    clauses: ['C6'],
    advice: 'with options.previous, give the entry that the write replaced, read in the same step as the write',
    title: 'a put gives the entry that it replaced, where asked',
    requires: PREVIOUS,
    async run({ store, key }) {
      const created = await store.put(key('a'), '1', { previous: true });
      expectEqual(created.previous, undefined, 'the previous entry of a new key');
      const before = await store.get(key('a'));
      const { previous } = await store.put(key('a'), '2', { previous: true });
      expectEqual(previous, before, 'the previous entry');
    },
  },
  {
    id: 'C6.ignore-value',
    clauses: ['C6'],
    title: 'ignoreValue keeps the value, and is a write',
    requires: { leases: true },
    async run({ store, key }) {
      const first = await store.put(key('a'), 'kept');
      const { id } = await store.leases.grant(60);
      const touched = await store.put(key('a'), '', { ignoreValue: true, lease: id });
      expectTrue(touched.revision > first.revision, 'the write must take a revision');
      const entry = await store.get(key('a'));
      expectEqual(
        [text(entry?.value), entry?.modRevision, entry?.lease],
        ['kept', touched.revision, id],
        'value, modRevision, lease',
      );
      await store.leases.revoke(id);
    },
  },
  {
    id: 'C6.ignore-value-without-leases',
    clauses: ['C6', 'C14'],
    title: 'without leases, ignoreValue keeps the value and is a write, or is unsupported and changes nothing',
    requires: { leases: false },
    async run({ store, key }) {
      const { revision } = await store.put(key('a'), 'kept');
      const touch = (name: string) => store.put(key(name), '', { ignoreValue: true });
      const touched = await touch('a').catch((error: unknown) => error);
      const entry = await store.get(key('a'));
      expectEqual(text(entry?.value), 'kept', 'the value after a put with ignoreValue');
      if (isStoreError(touched)) {
        expectEqual([touched.code, touched.outcome], ['unsupported', 'not-applied'], 'code and outcome');
        expectEqual(entry?.modRevision, revision, 'the revision of the entry');
        return;
      }
      expectTrue((entry?.modRevision ?? 0) > revision, 'the write must take a revision');
      const error = await expectStoreError(() => touch('b'), 'not-found', 'ignoreValue of an absent key');
      expectEqual(error.outcome, 'not-applied', 'outcome');
      expectEqual(await store.get(key('b')), undefined, 'the absent key');
    },
  },
  {
    id: 'C6.ignore-value-of-nothing',
    clauses: ['C6', 'C14'],
    title: 'ignoreValue and ignoreLease on an absent key are not-found errors, and write nothing',
    requires: { leases: true },
    async run({ store, key }) {
      const value = () => store.put(key('a'), '', { ignoreValue: true });
      expectEqual((await expectStoreError(value, 'not-found', 'ignoreValue')).outcome, 'not-applied', 'outcome');
      const lease = () => store.put(key('a'), 'x', { ignoreLease: true });
      expectEqual((await expectStoreError(lease, 'not-found', 'ignoreLease')).outcome, 'not-applied', 'outcome');
      expectEqual(await store.get(key('a')), undefined, 'the key');
    },
  },
  {
    id: 'C6.put-with-lease',
    clauses: ['C6', 'C8'],
    title: 'a put attaches the key to the lease, detaches it without, and keeps it with ignoreLease',
    requires: { leases: true },
    async run({ store, key }) {
      const { id } = await store.leases.grant(60);
      const lease = async () => (await store.get(key('a')))?.lease;
      await store.put(key('a'), '1', { lease: id });
      expectEqual(await lease(), id, 'the lease after a put with it');
      await store.put(key('a'), '2', { ignoreLease: true });
      expectEqual(await lease(), id, 'the lease after a put with ignoreLease');
      await store.put(key('a'), '3');
      expectEqual(await lease(), undefined, 'the lease after a put without');
      await store.leases.revoke(id);
      expectEqual(text((await store.get(key('a')))?.value), '3', 'the value after the lease it left was revoked');
    },
  },
  {
    id: 'C6.put-with-unknown-lease',
    clauses: ['C6', 'C14'],
    title: 'a put with a lease that is not there is a lease-not-found error, and writes nothing',
    requires: { leases: true },
    async run({ store, key }) {
      const put = () => store.put(key('a'), '1', { lease: '123456789' });
      const error = await expectStoreError(put, 'lease-not-found', 'put');
      expectEqual(error.outcome, 'not-applied', 'outcome');
      expectEqual(await store.get(key('a')), undefined, 'the key');
    },
  },
  {
    id: 'C6.delete-counts',
    clauses: ['C6'],
    advice: 'a delete of an absent key changes nothing: count what was there, and append no event',
    title: 'a delete tells how many keys it deleted; nothing there is no error',
    async run({ store, key }) {
      await store.put(key('a'), '1');
      expectEqual((await store.delete(key('a'))).deleted, 1, 'deleted, where the key was there');
      const nothing = await store.delete({ key: key('a') });
      expectEqual([nothing.deleted, nothing.previous ?? []], [0, []], 'deleted and previous, where it was not');
    },
  },
  {
    id: 'C6.delete-previous',
    clauses: ['C6'],
    title: 'a delete gives the entries that it deleted, where asked',
    requires: { previousValues: true, rangeDeletes: 'any' },
    async run({ store, key, all }) {
      for (const name of ['a', 'b', 'c']) await store.put(key(name), name);
      const before = await store.list(all);
      const { deleted, previous } = await store.delete(all, { previous: true });
      expectEqual(deleted, 3, 'deleted');
      expectEqual(
        [...(previous ?? [])].sort((a, b) => (a.key < b.key ? -1 : 1)),
        before.items,
        'previous',
      );
    },
  },
  {
    id: 'C6.range-delete-is-one-revision',
    clauses: ['C6', 'C10'],
    title: 'the deletion of a range is one revision, and one batch of a watch',
    requires: { rangeDeletes: 'any' },
    async run(context) {
      const { store, key, all } = context;
      for (const name of ['a', 'b', 'c']) await store.put(key(name), name);
      const reader = await context.follow();
      const { revision } = await store.delete(all);
      await reader.untilEvents(1);
      const batch = reader.batches.find(({ events }) => events.length > 0);
      const type = store.capabilities.rangeDeleteEvents ?? 'delete';
      expectEqual(
        batch?.events.map((event) => [event.type, event.revision]),
        Array(type === 'delete' ? 3 : 1).fill([type, revision]),
        'the events of the batch',
      );
    },
  },
  {
    id: 'C6.range-delete-unsupported',
    clauses: ['C6', 'C15'],
    title: 'a store that deletes only directories refuses other ranges, and deletes nothing',
    requires: { rangeDeletes: 'directory' },
    async run({ store, key, all }) {
      for (const name of ['a', 'b']) await store.put(key(name), name);
      await expectStoreError(
        () => store.delete({ start: key('a'), end: key('b') }),
        'unsupported',
        'delete of an interval',
      );
      expectEqual((await store.list(all)).count, 2, 'count');
    },
  },
  {
    id: 'C6.directory-delete',
    clauses: ['C6', 'C10'],
    title: 'a store that deletes directories deletes all below one, at one revision, and tells a watch',
    requires: { rangeDeletes: 'directory' },
    async run(context) {
      const { store, key } = context;
      for (const name of ['dir/a', 'dir/sub/b', 'dirt']) await store.put(key(name), '');
      const reader = await context.follow({ prefix: key('dir/') });
      const { revision } = await store.delete({ prefix: key('dir/') });
      const list = await store.list(context.all);
      expectEqual(
        list.items.map((item) => item.key),
        [key('dirt')],
        'what is left',
      );
      const one = (store.capabilities.rangeDeleteEvents ?? 'delete-range') === 'delete-range';
      const told = await reader.untilEvents(one ? 1 : 2);
      const expected = one
        ? [`delete-range ${JSON.stringify({ prefix: key('dir/') })}@${revision}`]
        : ['dir/a', 'dir/sub/b'].map((name) => `delete ${key(name)}@${revision}`);
      expectEqual(told.map(briefly).sort(), expected, 'the events told, as capability rangeDeleteEvents declares them');
    },
  },
  {
    id: 'C6.bad-put-options-are-invalid',
    clauses: ['C6', 'C16'],
    title: 'put options that contradict each other, or that there are not, are refused before anything is written',
    async run({ store, key }) {
      const bad: Record<string, unknown>[] = [
        { ifAbsent: true, ifPresent: true },
        { ifAbsent: false },
        { ifAbsent: undefined },
        { ifAbsnt: true },
        { ifModRevision: undefined },
        { ifModRevision: 0 },
        { ifModRevision: -1 },
        { ifModRevision: 1.5 },
        { ifValue: 5 },
        { previous: 'yes' },
        ...(store.capabilities.leases ? [{ lease: 'abc' }, { lease: 5 }, { lease: '0' }, { lease: '1', ttl: 5 }] : []),
        ...(store.capabilities.leases ? [{ lease: '1', ignoreLease: true }, { ignoreValue: true }] : []),
      ];
      for (const options of bad) {
        const put = () => untyped(store).put(key('a'), 'x', options);
        const error = await expectStoreError(put, 'invalid-argument', `put with ${show(options)}`);
        expectEqual(error.outcome, 'not-applied', `the outcome of a put with ${show(options)}`);
      }
      expectEqual(await store.get(key('a')), undefined, 'the key');
    },
  },
  {
    id: 'C6.too-large-a-value',
    clauses: ['C6', 'C14'],
    title: 'a value over the limit is a too-large error, is not written, and one below it is',
    requires: { maxRequestBytes: (bytes) => bytes !== undefined, maxValueBytes: (bytes) => bytes === undefined },
    async run({ store, key }) {
      const most = store.capabilities.maxRequestBytes ?? 0;
      const error = await expectStoreError(
        () => store.put(key('a'), new Uint8Array(most + 1)),
        'too-large',
        'put over the limit',
      );
      expectEqual(error.outcome, 'not-applied', 'outcome');
      expectEqual(await store.get(key('a')), undefined, 'the key');
      const below = most - 2_048;
      await store.put(key('a'), new Uint8Array(below).fill(0x61));
      expectEqual((await store.get(key('a')))?.value.length, below, 'the length of a value below the limit');
    },
  },
];
