import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type ConfigStore, isStoreError } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';
import { availableEtcds, startEtcd, type Etcd } from '@holdfast/testkit';
import { etcdV3Store } from '@holdfast/etcd-v3';

const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString();

describe.each(availableEtcds())('reads and writes on etcd $version', ({ version }) => {
  let etcd: Etcd;
  let store: ConfigStore;

  beforeAll(async () => {
    etcd = await startEtcd({ version });
  });
  afterAll(() => etcd.close());
  beforeEach(async () => {
    store = etcdV3Store({ endpoints: etcd.endpoints });
    await store.delete({ prefix: '' });
  });
  afterEach(() => store.close());

  test('a put is read back with its revisions, its version and its bytes', async () => {
    const bytes = Uint8Array.of(0, 255, 128, 10);
    const { revision } = await store.put('/a', 'one');
    const second = await store.put('/a', bytes, { previous: true });
    expect(second.revision).toBe(revision + 1);
    expect(second.previous).toMatchObject({ key: '/a', version: 1, modRevision: revision });
    expect(await store.get('/a')).toStrictEqual({
      key: '/a',
      value: bytes,
      createRevision: revision,
      modRevision: revision + 1,
      version: 2,
    });
    expect(text((await store.get('/a', { revision }))?.value)).toBe('one');
    expect(await store.get('/absent')).toBeUndefined();
  });

  test('a list tells count and more whatever the limit, and its bookmark is the revision that was read', async () => {
    for (const name of ['a', 'b', 'c']) await store.put(`/l/${name}`, name);
    await store.put('/lx', 'not of the prefix');
    const all = await store.list({ prefix: '/l/' });
    expect(all.items.map(({ key }) => key)).toEqual(['/l/a', '/l/b', '/l/c']);
    const { items, count, more, bookmark } = await store.list({ prefix: '/l/' }, { limit: 2, keysOnly: true });
    expect({ keys: items.map(({ key }) => key), count, more }).toEqual({
      keys: ['/l/a', '/l/b'],
      count: 3,
      more: true,
    });
    expect(items[0]?.value).toHaveLength(0);
    expect(bookmark).toEqual({ revision: all.bookmark.revision, identity: (await store.status()).identity });
    const past = (all.bookmark.revision - 2) as typeof all.bookmark.revision;
    expect(await store.list({ prefix: '/l/' }, { revision: past })).toMatchObject({
      count: 2,
      bookmark: { revision: past },
    });
    expect(await store.list({ prefix: '/l/' }, { countOnly: true })).toMatchObject({ items: [], count: 3 });
    const changed = await store.list({ prefix: '/l/' }, { minModRevision: past });
    expect(changed).toMatchObject({ count: 3 });
    expect(changed.items.map(({ key }) => key)).toEqual(['/l/b', '/l/c']);
    const sorted = await store.list({ prefix: '/l/' }, { sort: { target: 'modRevision', order: 'descend' } });
    expect(sorted.items.map(({ key }) => key)).toEqual(['/l/c', '/l/b', '/l/a']);
  });

  test('keys that are not UTF-8 are reported, not mangled, and not merged', async () => {
    await store.put('/u/ü', 'fine');
    await etcd.put(Buffer.from('/u/\xff', 'latin1'), 'x');
    await etcd.put(Buffer.from('/u/\xfe', 'latin1'), 'y');
    const list = await store.list({ prefix: '/u/' });
    expect(list.items.map(({ key }) => key)).toEqual(['/u/ü']);
    expect(list.count).toBe(3);
    expect(list.undecodable.map(({ rawKey }) => Buffer.from(rawKey).toString('latin1'))).toEqual([
      '/u/\xfe',
      '/u/\xff',
    ]);
    const pages = [];
    for await (const page of store.scan({ prefix: '/u/' })) pages.push(page);
    expect(pages.map((page) => [page.total, page.length, page.key(0), page.undecodable.length])).toEqual([
      [3, 1, '/u/ü', 2],
    ]);
    const txn = await store.txn({ then: [{ type: 'list', range: { prefix: '/u/' } }] });
    expect(txn.results[0]).toMatchObject({ count: 3, undecodable: [{ deleted: false }, { deleted: false }] });
    expect(await store.delete({ prefix: '/u/' }, { previous: true })).toMatchObject({
      deleted: 3,
      previous: [{ key: '/u/ü' }],
    });
  });

  test('ranges are intervals of bytes, open ones too', async () => {
    for (const key of ['a', 'b', 'c', '\u{10ffff}']) await store.put(key, key);
    const keys = async (range: Parameters<ConfigStore['list']>[0]) =>
      (await store.list(range)).items.map(({ key }) => key);
    expect(await keys({ start: 'b' })).toEqual(['b', 'c', '\u{10ffff}']);
    expect(await keys({ end: 'c' })).toEqual(['a', 'b']);
    expect(await keys({ prefix: '' })).toHaveLength(4);
    expect(await keys({ prefix: '\u{10ffff}' })).toEqual(['\u{10ffff}']);
    expect(await keys({ start: KeyRange.ofPrefix('a').end! })).toEqual(['b', 'c', '\u{10ffff}']);
  });

  test('a delete counts, and tells what was there', async () => {
    await store.put('/d/1', 'x');
    await store.put('/d/2', 'y');
    const gone = await store.delete({ prefix: '/d/' }, { previous: true });
    expect(gone.deleted).toBe(2);
    expect(gone.previous?.map(({ key, value }) => [key, text(value)])).toEqual([
      ['/d/1', 'x'],
      ['/d/2', 'y'],
    ]);
    expect(await store.delete('/d/1')).toEqual({ revision: gone.revision, deleted: 0 });
  });

  test('guards decide atomically, and give what they were held against', async () => {
    expect(await store.put('/g', 'one', { ifAbsent: true })).toMatchObject({ succeeded: true });
    const failed = await store.put('/g', 'two', { ifAbsent: true });
    expect(failed).toMatchObject({ succeeded: false, current: { key: '/g', version: 1 } });
    expect(await store.put('/g', 'two', { ifValue: 'one' })).toMatchObject({ succeeded: true });
    expect(await store.put('/none', 'x', { ifPresent: true })).toEqual({ succeeded: false });
    const { modRevision } = (await store.get('/g'))!;
    expect(await store.delete('/g', { ifModRevision: modRevision - 1 })).toMatchObject({ succeeded: false });
    expect(await store.delete('/g', { ifModRevision: modRevision })).toMatchObject({ succeeded: true, deleted: 1 });
  });

  test('a transaction happens at one revision, with nested ones and compares on ranges', async () => {
    await store.put('/t/a', 'a');
    await store.put('/t/b', 'b');
    const { succeeded, revision, results } = await store.txn({
      if: [
        { range: { prefix: '/t/' }, target: 'version', op: '=', value: 1 },
        { key: '/t/none', target: 'createRevision', op: '=', value: 0 },
        { key: '/t/a', target: 'lease', op: '=', value: 0 },
        { key: '/t/a', target: 'value', op: '<', value: 'b' },
      ],
      then: [
        { type: 'put', key: '/t/c', value: 'c' },
        {
          type: 'txn',
          txn: { if: [{ key: '/t/none', target: 'version', op: '>', value: 0 }], else: [{ type: 'get', key: '/t/a' }] },
        },
        { type: 'delete', range: '/t/b', previous: true },
        { type: 'list', range: { prefix: '/t/' } },
      ],
    });
    expect(succeeded).toBe(true);
    expect(results).toMatchObject([
      { type: 'put', revision },
      { type: 'txn', succeeded: false, revision, results: [{ type: 'get', item: { key: '/t/a' } }] },
      { type: 'delete', revision, deleted: 1, previous: [{ key: '/t/b' }] },
      { type: 'list', count: 2, items: [{ key: '/t/a' }, { key: '/t/c' }], bookmark: { revision } },
    ]);
  });

  test('a list that is followed by writes of its transaction is bookmarked before them: a watch from there misses none', async () => {
    const { revision, results } = await store.txn({
      then: [
        { type: 'list', range: { prefix: '/w/' } },
        { type: 'txn', txn: { then: [{ type: 'list', range: { prefix: '/w/' } }] } },
        { type: 'put', key: '/w/a', value: 'a' },
        { type: 'delete', range: '/w/none' },
        { type: 'list', range: { prefix: '/w/' } },
      ],
    });
    expect(results).toMatchObject([
      { type: 'list', count: 0, bookmark: { revision: revision - 1 } },
      { type: 'txn', results: [{ type: 'list', count: 0, bookmark: { revision: revision - 1 } }] },
      { type: 'put' },
      { type: 'delete', deleted: 0 },
      { type: 'list', count: 1, bookmark: { revision } },
    ]);
  });

  test('a value compare on an absent key is false, != too', async () => {
    const compare = (op: '=' | '!=') => store.txn({ if: [{ key: '/absent', target: 'value', op, value: 'x' }] });
    expect((await compare('=')).succeeded).toBe(false);
    expect((await compare('!=')).succeeded).toBe(false);
  });

  test('more operations than the server takes are too-large, and nothing is applied', async () => {
    const then = Array.from({ length: 129 }, (_, i) => ({ type: 'put' as const, key: `/m/${i}`, value: '' }));
    await expect(store.txn({ then })).rejects.toMatchObject({ code: 'too-large', outcome: 'not-applied' });
    expect((await store.txn({ then: then.slice(1) })).results).toHaveLength(128);
  });

  test.each([2, 40])('a value of %d MiB, over the limit of a request, is too-large and not applied', async (mib) => {
    const value = new Uint8Array(mib * 1024 * 1024);
    await expect(store.put('/big', value)).rejects.toMatchObject({ code: 'too-large', outcome: 'not-applied' });
    expect(await store.get('/big')).toBeUndefined();
  });

  test('compacted and future revisions are their own errors, with the exact compacted revision', async () => {
    const revisions = [];
    for (let i = 0; i < 5; i++) revisions.push((await store.put('/c', String(i))).revision);
    const [first, third, last] = [revisions[0]!, revisions[2]!, revisions[4]!];
    await store.compact(third);
    const read = await store.get('/c', { revision: first }).catch((error: unknown) => error);
    expect(read).toMatchObject({ name: 'CompactedError', code: 'compacted', compactRevision: third });
    expect(await store.get('/c', { revision: third })).toMatchObject({ modRevision: third });
    for (const revision of [third, third - 1]) {
      const error = await store.compact(revision).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'compacted', compactRevision: third, outcome: 'not-applied' });
    }
    const future = { code: 'future-revision', endpoint: etcd.endpoints[0] };
    await expect(store.get('/c', { revision: last + 100 })).rejects.toMatchObject(future);
    await expect(store.list('/c', { revision: last + 100 })).rejects.toMatchObject(future);
    await expect(store.compact(last + 100)).rejects.toMatchObject({ ...future, outcome: 'not-applied' });
  });

  test('ignoreValue and ignoreLease keep what is there, and are not-found where nothing is', async () => {
    const lease = await store.leases.grant(100);
    await store.put('/i', 'kept', { lease: lease.id });
    await store.put('/i', '', { ignoreValue: true });
    expect(await store.get('/i')).toMatchObject({ version: 2 });
    expect(text((await store.get('/i'))?.value)).toBe('kept');
    await store.put('/i', 'x', { lease: lease.id });
    await store.put('/i', 'new', { ignoreLease: true });
    expect(await store.get('/i')).toMatchObject({ lease: lease.id });
    await expect(store.put('/no', '', { ignoreValue: true })).rejects.toMatchObject({
      code: 'not-found',
      outcome: 'not-applied',
    });
  });

  test('status tells the version, the members and the head', async () => {
    const { revision } = await store.put('/s', 'x');
    const status = await store.status();
    expect(status).toMatchObject({ version, revision, endpoint: etcd.endpoints[0] });
    expect(status.members).toHaveLength(1);
    expect(status.members[0]).toMatchObject({ id: status.leader, endpoints: etcd.endpoints });
    expect(status.sizeBytes).toBeGreaterThan(0);
    expect(status.identity).toMatch(/^\d{10,}$/);
  });

  test('leases are granted, kept alive, listed and revoked, by ids past 2^53', async () => {
    const id = '9007199254740993';
    expect(await store.leases.grant(60, { id })).toEqual({ id, ttl: 60 });
    await expect(store.leases.grant(60, { id })).rejects.toMatchObject({ code: 'conflict', outcome: 'not-applied' });
    await store.put('/lease', 'x', { lease: id });
    expect(await store.leases.keepAlive(id)).toEqual({ id, ttl: 60 });
    expect(await store.leases.timeToLive(id, { keys: true })).toMatchObject({ id, grantedTtl: 60, keys: ['/lease'] });
    expect(await store.leases.list()).toContain(id);
    expect(await store.get('/lease')).toMatchObject({ lease: id });
    await store.leases.revoke(id);
    expect(await store.get('/lease')).toBeUndefined();
    const missing = { code: 'lease-not-found' };
    await expect(store.leases.keepAlive(id)).rejects.toMatchObject(missing);
    await expect(store.leases.timeToLive(id)).rejects.toMatchObject(missing);
    await expect(store.leases.revoke(id)).rejects.toMatchObject({ ...missing, outcome: 'not-applied' });
    await expect(store.put('/lease', 'x', { lease: id })).rejects.toMatchObject({ ...missing, outcome: 'not-applied' });
  });

  test('a time to live is granted with the put', async () => {
    const put = await store.put('/ttl', 'x', { ttl: 100 });
    expect(put.ttl).toBe(100);
    expect(await store.get('/ttl')).toMatchObject({ lease: put.lease });
  });

  test('an abort before a write is sent says that it was not applied', async () => {
    const error = await store.put('/x', 'x', { signal: AbortSignal.abort() }).catch((caught: unknown) => caught);
    expect(isStoreError(error, 'aborted') && error.outcome).toBe('not-applied');
  });
});
