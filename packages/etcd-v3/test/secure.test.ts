import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { ConfigStore } from '@holdfast/store';
import {
  availableEtcds,
  findEtcd,
  certificateAuthority,
  eventually,
  startEtcd,
  startProxy,
  virtualClock,
  type Etcd,
} from '@holdfast/testkit';
import { etcdV3Store, type EtcdV3Options } from '@holdfast/etcd-v3';
import { failingOnce } from '../../etcd-common/test/support/failing-once.js';
import { failure } from '../../etcd-common/test/support/failure.js';
import { whileTimePasses } from '../../etcd-common/test/support/while-time-passes.js';

/** How long calls look for a server, in milliseconds: longer than a handshake takes on a busy machine. */
const CONNECT_MS = 60_000;

describe.each([findEtcd({})])('secured connections to etcd $version', ({ version }) => {
  const authority = certificateAuthority();
  const server = authority.issue('etcd');
  const open: { close(): Promise<void> }[] = [];
  let etcd: Etcd;
  let mutual: Etcd;

  beforeAll(async () => {
    [etcd, mutual] = await Promise.all([
      startEtcd({ version, tls: server }),
      startEtcd({ version, tls: { ...server, clientCa: authority.cert } }),
    ]);
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((resource) => resource.close()));
  });
  afterAll(async () => {
    await Promise.all([etcd.close(), mutual.close()]);
  });

  const connect = (
    endpoints: readonly string[],
    tls: EtcdV3Options['tls'],
    options: Partial<EtcdV3Options> = {},
  ): ConfigStore => {
    const store = etcdV3Store({ endpoints, tls, timeouts: { connectMs: CONNECT_MS }, ...options });
    open.push(store);
    return store;
  };

  test('the right authority: it works', async () => {
    const store = connect(etcd.endpoints, { ca: authority.cert });
    await store.put('/tls', 'x');
    expect(await store.get('/tls')).toMatchObject({ key: '/tls' });
  });

  test('an unknown authority is refused, saying what to set, without waiting for the time-out', async () => {
    for (const tls of [undefined, { ca: certificateAuthority().cert }]) {
      const error = await failure(connect(etcd.endpoints, tls).get('/tls'));
      expect(error).toMatchObject({ code: 'unavailable' });
      expect(error.message).toContain('tls.ca');
    }
  });

  test('rejectUnauthorized: false takes any server', async () => {
    await connect(etcd.endpoints, { rejectUnauthorized: false }).put('/tls', 'x');
  });

  test('a name that the certificate does not carry is refused; serverName says which one to expect', async () => {
    const other = authority.issue('etcd', ['etcd.internal']);
    const named = await startEtcd({ version, tls: other });
    open.push(named);
    const error = await failure(connect(named.endpoints, { ca: authority.cert }).get('/x'));
    expect(error.message).toContain('tls.serverName');
    await connect(named.endpoints, { ca: [authority.cert], serverName: 'etcd.internal' }).put('/x', 'x');
  });

  test('a server that wants a client certificate gets one, or says so', async () => {
    const { cert, key } = authority.issue('client');
    await connect(mutual.endpoints, { ca: authority.cert, cert, key }).put('/mutual', 'x');
    const error = await failure(connect(mutual.endpoints, { ca: authority.cert }).get('/mutual'));
    expect(error).toMatchObject({ code: 'unavailable' });
    expect(error.message).toContain('tls.cert');
    const stranger = certificateAuthority().issue('client');
    const refused = await failure(connect(mutual.endpoints, { ca: authority.cert, ...stranger }).get('/mutual'));
    expect(refused.code).toBe('unavailable');
    for (const said of [error, refused])
      expect(JSON.stringify([said.message, said.stack])).not.toContain('PRIVATE KEY');
  });

  test('certificates that change on a living store are used from the next connection on', async () => {
    const proxy = await startProxy(mutual.endpoints[0]!);
    let tls = { ca: authority.cert, ...authority.issue('first') };
    const store = connect([proxy.endpoint], () => tls);
    open.push(proxy);
    await store.put('/rotated', 'x');
    tls = { ca: authority.cert, ...certificateAuthority().issue('stranger') };
    await store.put('/rotated', 'x');
    proxy.cut();
    await eventually(async () => (await failure(store.get('/rotated'))).code === 'unavailable');
    tls = { ca: authority.cert, ...authority.issue('second') };
    expect(await store.get('/rotated')).toMatchObject({ version: 2 });
  });

  test('a function for tls that fails says so, and what it throws is not repeated', async () => {
    const store = connect(etcd.endpoints, () => {
      throw new Error('no such file: /secret/path');
    });
    const error = await failure(store.put('/x', 'x'));
    expect(error).toMatchObject({ outcome: 'not-applied' });
    expect(error.message).toContain('option tls');
    expect(error.message).not.toContain('/secret/path');
  });

  test('plain text to a TLS server, and TLS to a plain one, say what to write', async () => {
    const plain = etcd.endpoints.map((endpoint) => endpoint.replace('https:', 'http:'));
    expect((await failure(connect(plain, undefined, { timeouts: { connectMs: 1_000 } }).get('/x'))).code).toBe(
      'unavailable',
    );
    const unsecured = await startEtcd({ version });
    open.push(unsecured);
    const secure = unsecured.endpoints.map((endpoint) => endpoint.replace('http:', 'https:'));
    const clock = virtualClock();
    const store = connect(secure, { ca: authority.cert }, { clock, retry: { initialMs: 5_000 } });
    const read = failingOnce((signal) => store.get('/x', { signal }), undefined, 'http://');
    // The server may close the connection before what it says is read: then the next attempt hears it.
    await whileTimePasses(clock, read.failedOnce);
    await clock.advance(CONNECT_MS);
    expect((await read.error).message).toContain('http://');
  });
});

describe.each(availableEtcds())('users of etcd $version', ({ version }) => {
  const open: { close(): Promise<void> }[] = [];
  const root = '--user=root:toor';
  let etcd: Etcd;

  beforeAll(async () => {
    etcd = await startEtcd({ version });
    await etcd.put('/app/a', 'x');
    for (const command of [
      ['user', 'add', 'root:toor'],
      ['user', 'grant-role', 'root', 'root'],
      ['role', 'add', 'app'],
      ['role', 'grant-permission', 'app', 'readwrite', '--prefix=true', '/app/'],
      ['user', 'add', 'app:secret-1'],
      ['user', 'grant-role', 'app', 'app'],
      ['auth', 'enable'],
    ]) {
      await etcd.ctl(...command);
    }
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((resource) => resource.close()));
  });
  afterAll(() => etcd.close());

  const connect = (auth: EtcdV3Options['auth'], endpoints: readonly string[] = etcd.endpoints): ConfigStore => {
    const store = etcdV3Store({ endpoints, auth, timeouts: { connectMs: CONNECT_MS } });
    open.push(store);
    return store;
  };

  test('a role limited to a prefix is allowed there, and denied elsewhere', async () => {
    const store = connect({ username: 'app', password: 'secret-1' });
    await store.put('/app/b', 'x');
    expect((await store.list({ prefix: '/app/' })).count).toBe(2);
    expect(await failure(store.get('/other'))).toMatchObject({ code: 'permission-denied' });
    const denied = { code: 'permission-denied', outcome: 'not-applied' };
    expect(await failure(store.put('/other', 'x'))).toMatchObject(denied);
    expect(await failure(store.txn({ then: [{ type: 'put', key: '/other', value: 'x' }] }))).toMatchObject(denied);
    expect(await failure(store.delete({ prefix: '/' }))).toMatchObject(denied);
    // What anybody may know is told; who the members are is not for this user everywhere.
    expect(await store.status()).toMatchObject({ version });
  });

  test('a wrong password, no user, and an unknown user are unauthenticated, and no secret is repeated', async () => {
    for (const auth of [
      undefined,
      { username: 'app', password: 'wrong-2' },
      { username: 'nobody', password: 'wrong-2' },
    ]) {
      const store = connect(auth);
      const read = await failure(store.get('/app/a'));
      expect(read.code).toBe('unauthenticated');
      expect([read.message, read.stack, JSON.stringify(read)].join()).not.toContain('wrong-2');
      expect(await failure(store.put('/app/a', 'x'))).toMatchObject({
        code: 'unauthenticated',
        outcome: 'not-applied',
      });
    }
  });

  test('many calls at once cost one authentication', async () => {
    const before = await etcd.metric('grpc_server_handled_total', { grpc_method: 'Authenticate', grpc_code: 'OK' });
    const store = connect({ username: 'app', password: 'secret-1' });
    await Promise.all(Array.from({ length: 20 }, () => store.get('/app/a')));
    const after = await etcd.metric('grpc_server_handled_total', { grpc_method: 'Authenticate', grpc_code: 'OK' });
    expect(after - before).toBe(1);
  });

  test('a token that the server has forgotten is renewed, for a write as well, which is applied once', async () => {
    const store = connect({ username: 'app', password: 'secret-1' });
    await store.put('/app/token', '1');
    // Simple tokens live in the member's memory.
    await etcd.members[0]!.stop();
    await etcd.members[0]!.start();
    await store.put('/app/token', '2');
    expect(await store.get('/app/token')).toMatchObject({ version: 2 });
  });

  test('a password that changes on a living store is asked for again', async () => {
    let password = 'secret-1';
    const store = connect(() => ({ username: 'app', password }));
    await store.get('/app/a');
    await etcd.ctlWith('secret-2\n', root, 'user', 'passwd', 'app', '--interactive=false');
    expect(await failure(store.get('/app/a'))).toMatchObject({ code: 'unauthenticated' });
    password = 'secret-2';
    expect(await store.get('/app/a')).toMatchObject({ key: '/app/a' });
    await etcd.ctlWith('secret-1\n', root, 'user', 'passwd', 'app', '--interactive=false');
  });

  test('the token is got again at another member after the first one is gone', async () => {
    const proxy = await startProxy(etcd.endpoints[0]!);
    open.push(proxy);
    const store = connect({ username: 'app', password: 'secret-1' }, [proxy.endpoint, ...etcd.endpoints]);
    await store.get('/app/a');
    proxy.refuse();
    proxy.cut();
    expect(await store.get('/app/a')).toMatchObject({ key: '/app/a' });
  });

  test('credentials for a server without authentication do no harm', async () => {
    const unguarded = await startEtcd({ version });
    open.push(unguarded);
    const store = connect({ username: 'app', password: 'x' }, unguarded.endpoints);
    await store.put('/x', 'x');
    expect(await store.get('/x')).toMatchObject({ key: '/x' });
  });
});
