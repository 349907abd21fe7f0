// Users of etcd's own user management over a store's life: tokens that expire while it idles, passwords that change, roles
// that come and go, each under a watch that is open.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually, startEtcd, startProxy, type Etcd, type Proxy } from '@holdfast/testkit';
import { etcdV3Store, type EtcdV3Options, type EtcdV3Store } from '@holdfast/etcd-v3';
import { changePassword, enableAuth, grant, putAsRoot, revoke } from './watch-auth.js';
import { Follower } from './watch-world.js';
import { failure } from '../../etcd-common/test/support/failure.js';
import { sampledEtcds } from '../../../.ci/test/support/sampled-etcds.js';

const ROOT = '--user=root:rootpw';
const PASSWORD = 'apppw';

describe.each(sampledEtcds())('a user of etcd $version', ({ version }) => {
  const open: { close(): Promise<void> }[] = [];
  let etcd: Etcd;
  let proxy: Proxy;

  beforeAll(async () => {
    // The server forgets a token that nobody has used for a second, and passwords are cheap to check.
    etcd = await startEtcd({ version, args: ['--auth-token-ttl=1', '--bcrypt-cost=4'] });
    await enableAuth(etcd, ['/app/']);
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((resource) => resource.close()));
    await passwd(PASSWORD);
  });
  afterAll(() => etcd.close());

  const connect = async (options: Partial<EtcdV3Options> = {}): Promise<EtcdV3Store> => {
    proxy = await startProxy(etcd.endpoints[0]!);
    const auth = { username: 'app', password: PASSWORD };
    const store = etcdV3Store({ endpoints: [proxy.endpoint], auth, retry: { initialMs: 20, maxMs: 100 }, ...options });
    open.push(store, proxy);
    return store;
  };
  const passwd = (password: string) => changePassword(etcd, password);
  const follow = async (store: EtcdV3Store, prefix: string): Promise<Follower> => {
    const follower = new Follower(store.watch({ prefix }));
    await follower.watch.ready;
    return follower;
  };
  const handled = (method: string) =>
    etcd.metric('grpc_server_handled_total', { grpc_method: method, grpc_code: 'OK' });

  /**
   * Waits until tokens that were got before this call have expired, unless used since. Each look uses up a token of its own, as
   * any use would keep it alive; all were got at once, so the first of them to be refused tells of the rest.
   */
  async function untilTokensExpire(): Promise<void> {
    const tokens: string[] = [];
    for (let i = 0; i < 40; i++) {
      const { token } = await etcd.api<{ token: string }>('auth/authenticate', { name: 'app', password: PASSWORD });
      tokens.push(token);
    }
    const key = Buffer.from('/app/x').toString('base64');
    for (const token of tokens.reverse()) {
      const response = await fetch(`${etcd.endpoints[0]!}/v3/kv/range`, {
        method: 'POST',
        headers: { authorization: token },
        body: JSON.stringify({ key, serializable: true }),
      });
      if (response.status === 401) {
        // Behind one name a store asks now and then which cluster it reaches, and that is a use of its token.
        await passwd(PASSWORD);
        return;
      }
      expect(response.status).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    throw new Error('no token has expired');
  }

  test('a token that expired while idle and was then cut: the watch goes on, and loses nothing', async () => {
    const store = await connect();
    const idle = await follow(store, '/app/');
    await store.put('/app/before', '1');
    await eventually(() => idle.keys.length === 1);
    await untilTokensExpire();
    const authenticated = await handled('Authenticate');
    proxy.refuse();
    proxy.cut();
    await putAsRoot(etcd, '/app/meanwhile', '2');
    await proxy.allow();
    await eventually(() => idle.keys.length === 2);
    await putAsRoot(etcd, '/app/after', '3');
    await eventually(() => idle.keys.length === 3);
    expect(idle.keys).toEqual(['/app/before', '/app/meanwhile', '/app/after']);
    expect(idle.error).toBeUndefined();
    expect(await handled('Authenticate')).toBeGreaterThan(authenticated);
    idle.check();
  });

  test('a token that expired while idle: calls get a new one, once for all, and a write is applied once', async () => {
    const store = await connect();
    await store.put('/app/counter', '1');
    await untilTokensExpire();
    const before = await handled('Authenticate');
    await Promise.all([
      store.put('/app/counter', '2'),
      ...Array.from({ length: 10 }, () => store.get('/app/counter')),
      store.txn({ then: [{ type: 'get', key: '/app/counter' }] }),
    ]);
    expect((await handled('Authenticate')) - before).toBe(1);
    expect(await store.get('/app/counter')).toMatchObject({ version: 2 });
    await store.delete('/app/counter');
  });

  test('a new watch of a store whose token has expired works, and no other watch notices', async () => {
    const store = await connect();
    const old = await follow(store, '/app/');
    await untilTokensExpire();
    const next = await follow(store, '/app/');
    await store.put('/app/x', '1');
    await eventually(() => old.keys.length === 1 && next.keys.length === 1);
    expect([old.error, next.error, old.interruptions]).toEqual([undefined, undefined, 0]);
  });

  test('a password that changes while a watch is open: the watch stays, and after a cut goes on with the new one', async () => {
    let password = PASSWORD;
    let asked = 0;
    const store = await connect({
      auth: () => {
        asked += 1;
        return Promise.resolve({ username: 'app', password });
      },
    });
    const watching = await follow(store, '/app/');
    await store.put('/app/1', '1');
    await passwd('changed');
    // Nobody has told the store yet. Its watch goes on: etcd looks at the user when a watch is made.
    await putAsRoot(etcd, '/app/2', '2');
    await eventually(() => watching.keys.length === 2);
    password = 'changed';
    proxy.cut();
    await putAsRoot(etcd, '/app/3', '3');
    await eventually(() => watching.keys.length === 3);
    await store.put('/app/4', '4');
    await eventually(() => watching.keys.length === 4);
    expect(watching.keys).toEqual(['/app/1', '/app/2', '/app/3', '/app/4']);
    expect(watching.error).toBeUndefined();
    expect(asked).toBeGreaterThan(1);
    watching.check();
  });

  test('a password that changed, and that nobody tells the store: calls and a cut watch are unauthenticated', async () => {
    const store = await connect();
    const watching = await follow(store, '/app/');
    await passwd('changed');
    expect(await failure(store.get('/app/x'))).toMatchObject({ code: 'unauthenticated', retryable: false });
    expect(await failure(store.put('/app/x', 'x'))).toMatchObject({ code: 'unauthenticated', outcome: 'not-applied' });
    expect(watching.error).toBeUndefined();
    proxy.cut();
    await watching.ended();
    expect(watching.error).toMatchObject({ code: 'unauthenticated' });
  });

  test('a user that another one replaces is used from the next token on', async () => {
    await etcd.ctl(ROOT, 'user', 'add', 'second:secondpw');
    await etcd.ctl(ROOT, 'user', 'grant-role', 'second', 'app');
    let user = { username: 'app', password: PASSWORD };
    const store = await connect({ auth: () => user });
    const watching = await follow(store, '/app/');
    await store.put('/app/x', '1');
    user = { username: 'second', password: 'secondpw' };
    await passwd('gone');
    await store.put('/app/x', '2');
    proxy.cut();
    await eventually(() => watching.interruptions > 0);
    await store.put('/app/x', '3');
    await eventually(() => watching.keys.length === 3);
    expect(watching.error).toBeUndefined();
    await etcd.ctl(ROOT, 'user', 'delete', 'second');
  });

  test('a role revoked while watching: what it may no longer see ends as permission-denied, the rest goes on', async () => {
    await grant(etcd, '/passing/');
    const store = await connect();
    const [passing, staying] = [await follow(store, '/passing/'), await follow(store, '/app/')];
    const { revision } = await store.put('/passing/1', '1');
    await eventually(() => passing.keys.length === 1);
    await revoke(etcd, '/passing/');
    expect(await failure(store.get('/passing/1'))).toMatchObject({ code: 'permission-denied' });
    expect(await failure(store.put('/passing/1', 'x'))).toMatchObject({
      code: 'permission-denied',
      outcome: 'not-applied',
    });
    proxy.cut();
    await passing.ended();
    expect(passing.error).toMatchObject({ code: 'permission-denied', retryable: false });
    expect(passing.bookmark?.revision).toBeGreaterThanOrEqual(revision);
    await store.put('/app/still', '1');
    await eventually(() => staying.keys.length === 1);
    expect(staying.error).toBeUndefined();
  });

  test('a function for auth that fails while a watch reconnects: calls say so, the watch waits, and loses nothing', async () => {
    let fails = false;
    let asked = 0;
    const store = await connect({
      auth: () => {
        asked += 1;
        if (fails) throw new Error('the vault is sealed');
        return { username: 'app', password: PASSWORD };
      },
    });
    const watching = await follow(store, '/app/');
    await store.put('/app/1', '1');
    await untilTokensExpire();
    fails = true;
    proxy.cut();
    await eventually(() => {
      const { state } = watching.watch;
      return (
        state.status === 'interrupted' && (state.cause.cause as Error | undefined)?.message === 'the vault is sealed'
      );
    });
    expect(await failure(store.put('/app/2', 'never'))).toMatchObject({
      code: 'unauthenticated',
      outcome: 'not-applied',
    });
    const before = asked;
    await eventually(() => asked > before + 2);
    await putAsRoot(etcd, '/app/3', '3');
    fails = false;
    await eventually(() => watching.keys.length === 2);
    expect(watching.keys).toEqual(['/app/1', '/app/3']);
    expect(watching.error).toBeUndefined();
    watching.check();
  });

  test('a function for auth that fails, or tells no user, says so, and nothing is sent', async () => {
    const auths: EtcdV3Options['auth'][] = [
      () => {
        throw new Error('vault token s.12345 refused');
      },
      () => Promise.reject(new Error('vault token s.12345 refused')),
      () => ({ username: '', password: 's.12345' }),
      () => Promise.resolve({ user: 'app', password: 's.12345' } as never),
      () => undefined as never,
    ];
    const asked = () => etcd.metric('grpc_server_started_total', { grpc_method: 'Authenticate' });
    const before = await asked();
    for (const auth of auths) {
      const store = await connect({ auth });
      const error = await failure(store.put('/app/a', 'x'));
      expect(error).toMatchObject({ code: 'unauthenticated', outcome: 'not-applied' });
      expect(error.message).toMatch(/option auth|auth (has no option|takes an object)/);
      expect(error.message).not.toContain('s.12345');
      const watching = new Follower(store.watch({ prefix: '/app/' }));
      await eventually(() => {
        const { state } = watching.watch;
        return state.status === 'interrupted' && state.cause.code === 'unauthenticated';
      });
    }
    expect(await asked()).toBe(before);
  });
});
