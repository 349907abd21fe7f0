import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { readOnly, withPrefix, type ConfigStore } from '@holdfast/store';
import { findEtcd } from '@holdfast/testkit';
import { Follower, World } from './support/world.js';

describe.each([findEtcd({})])('views of a store on etcd $version', ({ version }) => {
  let world: World;

  beforeAll(async () => {
    world = await World.start(version);
  });
  afterEach(() => world.tidy());
  afterAll(() => world.close());

  const keysOf = async (store: ConfigStore) => (await store.list({ prefix: '' })).items.map(({ key }) => key);

  test('everything in it, whether or not the prefix ends with a slash, and nothing beside it', async () => {
    const store = world.open();
    for (const key of ['/one/app/a', '/one/app/b/c', '/one/app0', '/one/ap', '/two']) await store.put(key, key);
    for (const [prefix, expected] of [
      ['/one/app', ['/a', '/b/c', '0']],
      ['/one/app/', ['a', 'b/c']],
      ['/one/app/b', ['/c']],
    ] as const) {
      const view = withPrefix(store, prefix);
      expect(await keysOf(view)).toEqual(expected);
      const scanned: string[] = [];
      for await (const page of view.scan({ prefix: '' })) {
        for (let i = 0; i < page.length; i++) scanned.push(page.key(i));
      }
      expect(scanned).toEqual(expected);
    }
  });

  test('a view of a view deletes all that is in it, as the one view with both prefixes does', async () => {
    const store = world.open();
    const view = withPrefix(withPrefix(store, '/nested/'), 'app/');
    await view.put('a', '1');
    await store.put('/nested/beside', '2');
    await view.delete({ prefix: '' });
    expect((await store.list({ prefix: '/nested/' })).items.map(({ key }) => key)).toEqual(['/nested/beside']);
  });

  test('its watch tells of what is in it, and a directory that goes with or in it as what that means for the view', async () => {
    const store = world.open();
    const following = ['/top/app', '/top/app/'].map((prefix) => {
      return new Follower(withPrefix(store, prefix).watch({ prefix: '' }));
    });
    await Promise.all(following.map(({ watch }) => watch.ready));
    await store.put('/top/app/a', '1');
    await store.put('/top/apple', '2');
    await store.put('/top/app/dir/b', '3');
    await store.delete({ prefix: '/top/app/dir/' });
    await store.put('/top/beside', '4');
    await store.delete({ prefix: '/top/' });
    const [plain, slash] = following as [Follower, Follower];
    await plain.until(5);
    await slash.until(4);
    expect(plain.told).toEqual([
      'put /a=1',
      'put le=2',
      'put /dir/b=3',
      'delete-range {"prefix":"/dir/"}',
      'delete-range {"prefix":""}',
    ]);
    expect(slash.told).toEqual([
      'put a=1',
      'put dir/b=3',
      'delete-range {"prefix":"dir/"}',
      'delete-range {"prefix":""}',
    ]);
  });

  test('it is emptied where it is a directory, and not where it is more', async () => {
    const store = world.open();
    for (const key of ['/dir/a', '/dir/b/c', '/dirt']) await store.put(key, key);
    await expect(withPrefix(store, '/dir').delete({ prefix: '' })).rejects.toMatchObject({ code: 'unsupported' });
    await withPrefix(store, '/dir/').delete({ prefix: '' });
    expect(await keysOf(withPrefix(store, '/dir'))).toEqual(['t']);
  });

  test('a read-only one writes nothing, by the features of v2 neither', async () => {
    const store = world.open();
    const { revision } = await store.put('/kept', '1');
    const view = readOnly(store);
    await expect(view.put('/kept', '2', { ttl: 60 })).rejects.toMatchObject({ code: 'permission-denied' });
    await expect(view.delete('/kept', { ifValue: '1' })).rejects.toMatchObject({ code: 'permission-denied' });
    expect(await view.get('/kept')).toMatchObject({ modRevision: revision });
    // The view is a store of the contract, and has nothing beside it.
    expect(Object.keys(view).concat(Object.getOwnPropertyNames(Object.getPrototypeOf(view)))).not.toContain('inOrder');
    expect((await store.list('/kept')).bookmark.revision).toBe(revision);
  });
});
