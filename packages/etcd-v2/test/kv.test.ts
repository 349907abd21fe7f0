import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Op } from '@holdfast/store';
import { findEtcd, eventually } from '@holdfast/testkit';
import { World } from './support/world.js';

const text = (value: Uint8Array | undefined): string => Buffer.from(value ?? []).toString();

describe.each([findEtcd({})])('entries on etcd $version', ({ version }) => {
  let world: World;

  beforeAll(async () => {
    world = await World.start(version);
  });
  afterEach(async () => {
    await world.tidy();
  });
  afterAll(async () => {
    await world.close();
  });

  describe('puts', () => {
    test('a put keeps the createRevision of an entry that others wrote, too', async () => {
      const store = world.open();
      const { index } = await world.raw('PUT', '/kept/a', { value: '1' });
      await store.put('/kept/a', '2');
      expect(await store.get('/kept/a')).toMatchObject({ createRevision: index, modRevision: index + 1 });
      await store.put('/kept/a', '');
      expect(await store.get('/kept/a')).toMatchObject({ createRevision: index, modRevision: index + 2 });
    });

    test('a put is one write, whatever it takes to make it', async () => {
      const store = world.open();
      let last = (await store.list({ prefix: '/one/' })).bookmark.revision;
      for (const [key, value] of [
        ...[
          ['a', '1'],
          ['b', '1'],
          ['a', '2'],
          ['c', ''],
          ['c', ''],
          ['b', ''],
        ],
        ...[
          ['d', '1'],
          ['d', '2'],
          ['e', '1'],
          ['d', '3'],
        ],
      ]) {
        const { revision } = await store.put(`/one/${key}`, value ?? '');
        expect(revision).toBe(last + 1);
        last = revision;
      }
    });

    test('puts and deletes of one key by many at once all find their way', async () => {
      const stores = [world.open(), world.open()];
      const before = (await stores[0]!.list({ prefix: '/crowd/' })).bookmark.revision;
      let writes = 0;
      await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          const store = stores[index % 2]!;
          if (index % 3 === 2) {
            const { deleted = 0 } = await store.delete('/crowd/a');
            writes += deleted;
          } else {
            await store.put('/crowd/a', index % 4 === 0 ? '' : String(index));
            writes += 1;
          }
        }),
      );
      expect((await stores[0]!.list({ prefix: '/crowd/' })).bookmark.revision).toBe(before + writes);
    });

    test("an entry and a directory do not take each other's place", async () => {
      const store = world.open();
      await store.put('/place/dir/a', '1');
      for (const value of ['1', '']) {
        await expect(store.put('/place/dir', value)).rejects.toMatchObject({
          code: 'invalid-argument',
          outcome: 'not-applied',
        });
        await expect(store.put('/place/dir/a/b', value)).rejects.toMatchObject({
          code: 'invalid-argument',
          outcome: 'not-applied',
        });
        expect(await store.put('/place/dir', value, { ifPresent: true })).toEqual({ succeeded: false });
        expect(await store.put('/place/dir', value, { ifValue: 'x' })).toEqual({ succeeded: false });
      }
      expect(await store.get('/place/dir')).toBeUndefined();
      expect(await store.get('/place/dir/a/b')).toBeUndefined();
      expect(await store.delete('/place/dir')).toMatchObject({ deleted: 0 });
      expect(await store.delete('/place/dir/a/b')).toMatchObject({ deleted: 0 });
      expect(text((await store.get('/place/dir/a'))?.value)).toBe('1');
    });

    test('ignoreValue keeps the value, under a guard too, and ends a time to live', async () => {
      const store = world.open();
      const { revision } = await store.put('/touch', 'kept', { ttl: 60 });
      const touched = await store.put('/touch', '', { ignoreValue: true });
      expect(touched.revision).toBe(revision + 1);
      const entry = await store.get('/touch');
      expect([text(entry?.value), entry?.expiresAt]).toEqual(['kept', undefined]);
      expect(await store.put('/touch', '', { ignoreValue: true, ifModRevision: revision })).toEqual({
        succeeded: false,
      });
      expect(await store.put('/touch', '', { ignoreValue: true, ifValue: 'kept' })).toMatchObject({ succeeded: true });
      await expect(store.put('/touch-not', '', { ignoreValue: true })).rejects.toMatchObject({ code: 'not-found' });
      // That guard holds: it is not what failed.
      await expect(store.put('/touch-not', '', { ignoreValue: true, ifAbsent: true })).rejects.toMatchObject({
        code: 'not-found',
        outcome: 'not-applied',
      });
      await expect(store.put('/touch', 'x', { ignoreLease: true })).rejects.toMatchObject({ code: 'unsupported' });
    });

    test('a time to live that etcd v2 would silently forget is refused', async () => {
      const store = world.open();
      const { revision } = await store.put('/lives', '1', { ttl: 2 ** 32 - 1 });
      expect((await store.get('/lives'))?.expiresAt).toBeGreaterThan(Date.now() + 2 ** 31 * 1_000);
      for (const ttl of [2 ** 32, 9_000_000_001, 2 ** 53 - 1]) {
        for (const call of [
          store.put('/lives', '2', { ttl }),
          store.put('/lives', '', { ttl }),
          store.put('/lives', '2', { ttl, ifPresent: true }),
          store.refresh('/lives', ttl),
          store.directories.create('/lived-in', { ttl }),
          store.hidden.put('/_lives', '2', { ttl }),
          store.inOrder.create('/queued', '2', { ttl }),
        ]) {
          await expect(call).rejects.toMatchObject({ code: 'invalid-argument', outcome: 'not-applied' });
        }
      }
      expect(await store.get('/lives')).toMatchObject({ modRevision: revision });
    });

    test('large values come back whole, and one over 10 MiB is too-large', async () => {
      const store = world.open();
      const value = 'ä'.repeat(1_500_000);
      await store.put('/large', value);
      expect(text((await store.get('/large'))?.value)).toBe(value);
      await expect(store.put('/large', 'v'.repeat(11 * 1024 * 1024))).rejects.toMatchObject({
        code: 'too-large',
        outcome: 'not-applied',
      });
    });
  });

  describe('deletes of ranges', () => {
    test('an exact directory goes at one revision, with all that is in it', async () => {
      const store = world.open();
      for (const key of ['a', 'b/c', 'b/d/e']) await store.put(`/whole/dir/${key}`, '1');
      const { revision } = await store.put('/whole/dirt', '1');
      expect(await store.delete({ prefix: '/whole/dir/' })).toEqual({ revision: revision + 1, deleted: undefined });
      expect((await store.list({ prefix: '/whole/' })).items.map(({ key }) => key)).toEqual(['/whole/dirt']);
      expect(await store.delete({ prefix: '/whole/dir/' })).toMatchObject({ deleted: 0 });
    });

    test('an entry of the name of the prefix is not in it', async () => {
      const store = world.open();
      await store.put('/entry/a', '1');
      expect(await store.delete({ prefix: '/entry/a/' })).toMatchObject({ deleted: 0 });
      expect(await store.get('/entry/a')).toBeDefined();
    });

    test('other ranges are unsupported before anything is sent', async () => {
      const proxy = await world.proxy();
      const store = world.open({ endpoints: [proxy.endpoint] });
      for (const range of [
        { prefix: '/a' },
        { prefix: '' },
        { prefix: '/' },
        { prefix: '/a//' },
        { prefix: '/_a/' },
        { start: '/a/', end: '/a0' },
        { start: '/a' },
      ]) {
        await expect(store.delete(range)).rejects.toMatchObject({ code: 'unsupported', outcome: 'not-applied' });
      }
      await expect(store.delete({ prefix: '/a/' }, { previous: true })).rejects.toMatchObject({ code: 'unsupported' });
      expect(proxy.totalConnections).toBe(0);
    });
  });

  describe('transactions of one key', () => {
    test('what the server checks itself is done by it', async () => {
      const store = world.open();
      const key = '/txn/a';
      const put = (value: string): Op[] => [{ type: 'put', key, value }];
      const absent = { key, target: 'version', op: '=', value: 0 } as const;
      const present = { key, target: 'createRevision', op: '>', value: 0 } as const;
      const created = await store.txn({ if: [absent], then: put('1') });
      expect(created).toMatchObject({ succeeded: true, results: [{ type: 'put', revision: created.revision }] });
      expect(await store.txn({ if: [absent], then: put('x') })).toEqual({
        succeeded: false,
        revision: created.revision,
        results: [],
      });
      const at = { key, target: 'modRevision', op: '=', value: created.revision } as const;
      expect((await store.txn({ if: [present, at], then: put('2') })).succeeded).toBe(true);
      expect((await store.txn({ if: [at], then: put('x') })).succeeded).toBe(false);
      const holding = { key, target: 'value', op: '=', value: '2' } as const;
      expect((await store.txn({ if: [holding], then: put('') })).succeeded).toBe(true);
      const empty = { key, target: 'value', op: '=', value: '' } as const;
      expect((await store.txn({ if: [empty], then: put('3') })).succeeded).toBe(true);
      expect(
        (await store.txn({ if: [present], then: [{ type: 'delete', range: key, previous: true }] })).results,
      ).toEqual([
        { type: 'delete', revision: created.revision + 4, deleted: 1, previous: [expect.objectContaining({ key })] },
      ]);
      expect((await store.txn({ if: [present], then: [{ type: 'delete', range: key }] })).succeeded).toBe(false);
      expect((await store.txn({ then: put('4') })).succeeded).toBe(true);
    });

    test('reads alone are decided on one linearizable read', async () => {
      const store = world.open();
      const key = '/txn/read';
      const { revision } = await store.put(key, 'b');
      const item = await store.get(key);
      const get: Op[] = [{ type: 'get', key }];
      for (const [target, op, value, succeeded] of [
        ...([
          ['value', '=', 'b', true],
          ['value', '<', 'a', false],
          ['value', '>', 'a', true],
        ] as const),
        ...([
          ['value', '!=', 'b', false],
          ['modRevision', '<', revision, false],
        ] as const),
        ...([
          ['modRevision', '=', revision, true],
          ['createRevision', '>', 1, true],
        ] as const),
        ...([
          ['version', '>', 0, true],
          ['lease', '=', 0, true],
        ] as const),
      ]) {
        const compare = { key, target, op, value } as Parameters<typeof store.txn>[0]['if'] extends
          readonly (infer C)[] | undefined
          ? C
          : never;
        const result = await store.txn({ if: [compare], then: get, else: [] });
        expect([target, op, value, result.succeeded]).toEqual([target, op, value, succeeded]);
        expect(result.results).toEqual(succeeded ? [{ type: 'get', item }] : []);
      }
      const none = await store.txn({
        if: [{ key: '/txn/none', target: 'value', op: '!=', value: 'x' }],
        else: [{ type: 'get', key: '/txn/none' }],
      });
      expect(none).toMatchObject({ succeeded: false, results: [{ type: 'get', item: undefined }] });
    });

    test('all others are unsupported before anything is sent', async () => {
      const proxy = await world.proxy();
      const store = world.open({ endpoints: [proxy.endpoint] });
      const key = '/txn/x';
      const put: Op = { type: 'put', key, value: '1' };
      const get: Op = { type: 'get', key };
      const present = { key, target: 'version', op: '>', value: 0 } as const;
      for (const txn of [
        { then: [put, { type: 'put', key: '/txn/y', value: '1' }] },
        { if: [{ ...present, key: '/txn/y' }], then: [put] },
        // The server does not tell the entry that a compare failed on.
        { if: [present], then: [put], else: [get] },
        { if: [present], then: [put, get] },
        { if: [present], then: [get], else: [put] },
        { if: [{ key, target: 'modRevision', op: '<', value: 9 }], then: [put] },
        { if: [{ key, target: 'value', op: '!=', value: '1' }], then: [put] },
        { if: [{ key, target: 'createRevision', op: '=', value: 5 }], then: [put] },
        { if: [{ range: { prefix: '/txn/' }, target: 'version', op: '=', value: 0 }], then: [put] },
        { then: [{ type: 'list', range: { prefix: '/txn/' } }] },
        { then: [{ type: 'delete', range: { prefix: '/txn/' } }] },
        { then: [{ type: 'txn', txn: { then: [put] } }] },
        { if: [{ key, target: 'version', op: '=', value: 0 }], then: [{ type: 'delete', range: key }] },
      ] as Parameters<typeof store.txn>[0][]) {
        await expect(store.txn(txn)).rejects.toMatchObject({ code: 'unsupported', outcome: 'not-applied' });
      }
      await expect(
        store.txn({ if: [{ key, target: 'version', op: '=', value: 2 }], then: [put] }),
      ).rejects.toMatchObject({
        code: 'unsupported',
      });
      expect(proxy.totalConnections).toBe(0);
    });
  });

  describe('reads', () => {
    test('prefixes that end inside a name are read from the directory above, and hidden nodes never shown', async () => {
      const store = world.open();
      for (const key of ['r/1', 'r/10/x', 'r/_h', 'r/_d/x', 'r2', 'q']) {
        await world.raw('PUT', `/read/${key}`, { value: '1' });
      }
      const keys = async (prefix: string): Promise<string[]> =>
        (await store.list({ prefix })).items.map(({ key }) => key);
      expect(await keys('/read/r')).toEqual(['/read/r/1', '/read/r/10/x', '/read/r2']);
      expect(await keys('/read/r/')).toEqual(['/read/r/1', '/read/r/10/x']);
      expect(await keys('/read/r/1')).toEqual(['/read/r/1', '/read/r/10/x']);
      expect(await keys('/read/r2/')).toEqual([]);
      expect(await keys('/read/none/')).toEqual([]);
      expect(await keys('read')).toEqual([]);
      expect(await keys('/read//')).toEqual([]);
      expect(await keys('/read/r/_')).toEqual([]);
      expect((await store.list({ start: '/read/q', end: '/read/r/2' })).items.map(({ key }) => key)).toEqual([
        ...['/read/q', '/read/r/1', '/read/r/10/x'],
      ]);
      expect((await store.list({ key: '/read/r' })).count).toBe(0);
    });

    test('keys whose names are not UTF-8 are counted, and listed as undecodable', async () => {
      const store = world.open();
      await world.raw('PUT', '/unread/a%FFb', { value: '\\ufffd' });
      await world.raw('PUT', '/unread/c', { value: '\\\\ufffd \ufffd' });
      const { items, count, undecodable, bookmark } = await store.list({ prefix: '/unread/' });
      expect(items.map(({ key, value }) => [key, text(value)])).toEqual([['/unread/c', '\\\\ufffd \ufffd']]);
      expect(count).toBe(2);
      expect(undecodable).toEqual([
        { rawKey: Buffer.from('/unread/a\xffb', 'latin1'), revision: bookmark.revision - 1, deleted: false },
      ]);
    });

    test('a linearizable read goes through consensus, a serializable one does not', async () => {
      await using cluster = await World.start(version, { nodes: 3 });
      const leader = await cluster.etcd.leader();
      const others = cluster.etcd.members.filter((member) => member !== leader);
      const store = cluster.open({ endpoints: [leader.endpoint] });
      await eventually(() => store.put('/alone', '1'));
      for (const member of others) await member.kill();
      expect(text((await store.get('/alone', { consistency: 'serializable' }))?.value)).toBe('1');
      await expect(store.get('/alone', { timeoutMs: 500 })).rejects.toMatchObject({ code: 'timeout' });
      await Promise.all(others.map((member) => member.start()));
      await eventually(async () => text((await store.get('/alone'))?.value) === '1');
    });

    test('a scan of many entries comes in pages of one revision', async () => {
      const store = world.open();
      await world.burst(5_000, (index) => `/many/${index % 7}/${index}`);
      const pages = [];
      for await (const page of store.scan({ prefix: '/many/' })) pages.push(page);
      expect(pages.map(({ length, more, total }) => [length, more, total])).toEqual([
        ...[2_000, 2_000].map((length) => [length, true, 5_000]),
        [1_000, false, 5_000],
      ]);
      expect(new Set(pages.map(({ bookmark }) => bookmark.revision)).size).toBe(1);
      const listed = (await store.list({ prefix: '/many/' })).items.map(({ key }) => key);
      expect(pages.flatMap((page) => Array.from({ length: page.length }, (_, index) => page.key(index)))).toEqual(
        listed,
      );
    });
  });
});
