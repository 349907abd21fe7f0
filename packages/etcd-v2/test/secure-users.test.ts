// Users of etcd's v2 user management over a store's life: passwords, users and roles that change under a watch that is open.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { mirror, text } from '@holdfast/core';
import { withPrefix } from '@holdfast/store';
import { findEtcd, eventually, startEtcd, startProxy, type Etcd, type Proxy } from '@holdfast/testkit';
import { etcdV2Store, type EtcdV2Options, type EtcdV2Store } from '@holdfast/etcd-v2';
import { failure } from '../../etcd-common/test/support/failure.js';
import { admin, enableUsers, kv } from './support/users.js';
import { follow } from './support/world.js';

const PASSWORD = 'secret-1';

describe.each([findEtcd({})])('a user of etcd $version', ({ version }) => {
  const open: { close(): Promise<void> }[] = [];
  let etcd: Etcd;
  let proxy: Proxy;
  /** Writes as root, past the proxy. */
  let root: EtcdV2Store;

  const passwd = (password: string): Promise<void> => admin(etcd, 'PUT', 'users/app', { user: 'app', password });

  beforeAll(async () => {
    etcd = await startEtcd({ version, enableV2: true });
    await enableUsers(etcd, PASSWORD);
    root = etcdV2Store({ endpoints: etcd.endpoints, auth: { username: 'root', password: 'toor' } });
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((resource) => resource.close()));
    await passwd(PASSWORD);
  });
  afterAll(async () => {
    await root.close();
    await etcd.close();
  });

  const connect = async (
    auth: EtcdV2Options['auth'] = { username: 'app', password: PASSWORD },
  ): Promise<EtcdV2Store> => {
    proxy = await startProxy(etcd.endpoints[0]!);
    const store = etcdV2Store({ endpoints: [proxy.endpoint], auth, retry: { initialMs: 20, maxMs: 100 } });
    open.push(store, proxy);
    return store;
  };

  test('a store that idles, and is then cut, needs nothing new: the watch goes on, and loses nothing', async () => {
    const store = await connect();
    const watching = await follow(store, { prefix: '/app/' });
    await root.put('/app/1', '1');
    await watching.until(1);
    proxy.refuse();
    proxy.cut();
    await root.put('/app/2', '2');
    await proxy.allow();
    await watching.until(2);
    expect(watching.told).toEqual(['put /app/1=1', 'put /app/2=2']);
    expect(watching.error).toBeUndefined();
  });

  test('a function for auth that fails while a watch needs a new password: calls say so, and the watch waits', async () => {
    let auth = () => ({ username: 'app', password: PASSWORD });
    let asked = 0;
    const store = await connect(() => {
      asked += 1;
      return auth();
    });
    const watching = await follow(store, { prefix: '/app/' });
    await root.put('/app/1', '1');
    await watching.until(1);
    auth = () => {
      throw new Error('the vault is sealed');
    };
    await passwd('changed');
    await root.put('/app/2', '2');
    await watching.until(2);
    // The next poll is refused, and nobody can tell the password now.
    await watching.status('interrupted');
    expect(await failure(store.put('/app/x', 'never'))).toMatchObject({
      code: 'unauthenticated',
      outcome: 'not-applied',
    });
    expect((await failure(store.get('/app/x'))).outcome).toBeUndefined();
    const before = asked;
    await eventually(() => asked > before + 2);
    await root.put('/app/3', '3');
    auth = () => ({ username: 'app', password: 'changed' });
    await watching.until(3);
    expect(watching.told).toEqual(['put /app/1=1', 'put /app/2=2', 'put /app/3=3']);
    expect(watching.error).toBeUndefined();
  });

  test('a password that changes while a watch is open and then cut: it goes on with the new one', async () => {
    let password = PASSWORD;
    let asked = 0;
    const store = await connect(() => {
      asked += 1;
      return Promise.resolve({ username: 'app', password });
    });
    const watching = await follow(store, { prefix: '/app/' });
    await store.put('/app/1', '1');
    await watching.until(1);
    password = 'changed';
    await passwd(password);
    proxy.cut();
    await root.put('/app/2', '2');
    await watching.until(2);
    await store.put('/app/3', '3');
    await watching.until(3);
    expect(watching.told).toEqual(['put /app/1=1', 'put /app/2=2', 'put /app/3=3']);
    expect(watching.error).toBeUndefined();
    expect(asked).toBe(2);
  });

  test('a password that changed, and that nobody tells the store: calls and the watch are unauthenticated', async () => {
    const store = await connect();
    const watching = await follow(store, { prefix: '/app/' });
    await passwd('changed');
    expect(await failure(store.get('/app/x'))).toMatchObject({ code: 'unauthenticated', retryable: false });
    expect(await failure(store.put('/app/x', 'x'))).toMatchObject({ code: 'unauthenticated', outcome: 'not-applied' });
    // The poll that waits is still answered.
    await root.put('/app/x', '1');
    expect(await watching.ended()).toMatchObject({ code: 'unauthenticated', endpoint: proxy.endpoint });
    expect(watching.told).toEqual(['put /app/x=1']);
  });

  test('a user that another one replaces, with the old one gone: nothing is lost', async () => {
    await admin(etcd, 'PUT', 'users/second', { user: 'second', password: 'secret-2', roles: ['app'] });
    let user = { username: 'app', password: PASSWORD };
    const store = await connect(() => user);
    const watching = await follow(store, { prefix: '/app/' });
    await store.put('/app/x', '1');
    await watching.until(1);
    user = { username: 'second', password: 'secret-2' };
    await passwd('gone');
    await store.put('/app/x', '2');
    proxy.cut();
    await watching.status('live');
    await root.put('/app/x', '3');
    await watching.until(3);
    expect(watching.told).toEqual(['put /app/x=1', 'put /app/x=2', 'put /app/x=3']);
    expect(watching.error).toBeUndefined();
    await admin(etcd, 'DELETE', 'users/second');
  });

  test('a role revoked while watching: what it may no longer see ends, the rest goes on', async () => {
    await admin(etcd, 'PUT', 'roles/passing', { role: 'passing', permissions: kv('/passing/*') });
    await admin(etcd, 'PUT', 'users/app', { user: 'app', grant: ['passing'] });
    const store = await connect();
    const [passing, staying] = [await follow(store, { prefix: '/passing/' }), await follow(store, { prefix: '/app/' })];
    await root.put('/passing/1', '1');
    await passing.until(1);
    await admin(etcd, 'PUT', 'users/app', { user: 'app', revoke: ['passing'] });
    const denied = { code: 'unauthenticated', outcome: 'not-applied' };
    expect(await failure(store.put('/passing/1', 'x'))).toMatchObject(denied);
    proxy.cut();
    expect((await passing.ended())?.code).toBe('unauthenticated');
    await root.put('/app/still', '1');
    await staying.until(1);
    expect(staying.error).toBeUndefined();
    // A watch from where the other ended goes on once the role is back.
    await root.put('/passing/2', '2');
    await admin(etcd, 'PUT', 'users/app', { user: 'app', grant: ['passing'] });
    const again = await follow(store, { prefix: '/passing/' }, { after: passing.batches.at(-1)!.bookmark });
    expect((await again.until(1)).length).toBe(1);
    expect(again.told).toEqual(['put /passing/2=2']);
    await admin(etcd, 'PUT', 'users/app', { user: 'app', revoke: ['passing'] });
    await admin(etcd, 'DELETE', 'roles/passing');
  });

  test('a key that can not be stored is asked for where the user may read', async () => {
    const store = await connect();
    for (const key of ['/app/x/', '/app/', '/app//x', '/app/_hidden/x', '/app/x/../y']) {
      expect(await store.list({ key })).toMatchObject({ items: [], count: 0 });
    }
  });

  test.each(['', 'x/'])(
    'a mirror of a view of what the user may read, with the prefix %j, is complete',
    async (prefix) => {
      const view = withPrefix(await connect(), '/app/view/');
      const held = await mirror(view, { prefix, codec: text() });
      await root.put('/app/view/x/1', prefix);
      await held.sync();
      expect(held.get('x/1'.slice(prefix.length))?.value).toBe(prefix);
      await held.close();
    },
  );
});
