import { createServer, type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  findEtcd,
  certificateAuthority,
  eventually,
  startEtcd,
  startProxy,
  virtualClock,
  type Etcd,
} from '@holdfast/testkit';
import { onFailure } from '@holdfast/store/adapter';
import { etcdV2Store, type EtcdV2Options, type EtcdV2Store } from '@holdfast/etcd-v2';
import { failingOnce } from '../../etcd-common/test/support/failing-once.js';
import { failure } from '../../etcd-common/test/support/failure.js';
import { whileTimePasses } from '../../etcd-common/test/support/while-time-passes.js';
import { admin, enableUsers, kv } from './support/users.js';
import { follow } from './support/world.js';

/** How long calls look for a server, in milliseconds: longer than a handshake takes on a busy machine. */
const CONNECT_MS = 60_000;
/** The default of `keepalive.intervalMs`. */
const KEEPALIVE_MS = 10_000;

describe.each([findEtcd({})])('secured connections to etcd $version', ({ version }) => {
  const authority = certificateAuthority();
  const open: { close(): Promise<void> }[] = [];
  let etcd: Etcd;
  let mutual: Etcd;

  beforeAll(async () => {
    const server = authority.issue('etcd');
    [etcd, mutual] = await Promise.all([
      startEtcd({ version, enableV2: true, tls: server }),
      startEtcd({ version, enableV2: true, tls: { ...server, clientCa: authority.cert } }),
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
    tls: EtcdV2Options['tls'],
    options: Partial<EtcdV2Options> = {},
  ): EtcdV2Store => {
    const store = etcdV2Store({ endpoints, tls, timeouts: { connectMs: CONNECT_MS }, ...options });
    open.push(store);
    return store;
  };

  test('the right authority: it works, for watches as well', async () => {
    const store = connect(etcd.endpoints, { ca: authority.cert });
    const watch = await follow(store, { prefix: '/dir/' });
    await store.put('/dir/a', 'x');
    await watch.until(1);
  });

  test('an unknown authority is refused, saying what to set, without waiting for the time-out', async () => {
    for (const tls of [undefined, { ca: certificateAuthority().cert }]) {
      const error = await failure(connect(etcd.endpoints, tls).put('/tls', 'x'));
      expect(error).toMatchObject({
        code: 'unavailable',
        retryable: false,
        outcome: 'not-applied',
        endpoint: etcd.endpoints[0],
      });
      expect(error.message).toContain('tls.ca');
    }
  });

  test('rejectUnauthorized: false takes any server', async () => {
    await connect(etcd.endpoints, { rejectUnauthorized: false }).put('/tls', 'x');
  });

  test('a certificate that has expired is refused, and says so', async () => {
    const expired = authority.issue('etcd', undefined, Date.now() - 60_000);
    // The launcher's own look at the server does not mind.
    const old = await startEtcd({ version, enableV2: true, tls: expired });
    open.push(old);
    const error = await failure(connect(old.endpoints, { ca: authority.cert }).get('/x'));
    expect(error).toMatchObject({ code: 'unavailable', retryable: false });
    expect(error.message).toContain('expired');
  });

  test('a name that the certificate does not carry is refused; serverName says which one to expect', async () => {
    const other = authority.issue('etcd', ['etcd.internal']);
    const named = await startEtcd({ version, enableV2: true, tls: other });
    open.push(named);
    const error = await failure(connect(named.endpoints, { ca: authority.cert }).get('/x'));
    expect(error.message).toContain('tls.serverName');
    await connect(named.endpoints, { ca: [authority.cert], serverName: 'etcd.internal' }).put('/x', 'x');
  });

  test('a server that wants a client certificate gets one, or says so', async () => {
    const { cert, key } = authority.issue('client');
    await connect(mutual.endpoints, { ca: authority.cert, cert, key }).put('/mutual', 'x');
    const error = await failure(connect(mutual.endpoints, { ca: authority.cert }).put('/mutual', 'y'));
    expect(error).toMatchObject({ code: 'unavailable', retryable: false, outcome: 'not-applied' });
    expect(error.message).toContain('tls.cert');
    const stranger = certificateAuthority().issue('client');
    const refused = await failure(connect(mutual.endpoints, { ca: authority.cert, ...stranger }).get('/mutual'));
    expect(refused).toMatchObject({ code: 'unavailable', retryable: false });
    for (const said of [error, refused])
      expect(JSON.stringify([said.message, said.stack])).not.toContain('PRIVATE KEY');
  });

  test('certificates that change on a living store are used from the next connection on', async () => {
    const proxy = await startProxy(mutual.endpoints[0]!);
    let tls = { ca: authority.cert, ...authority.issue('first') };
    const store = connect([proxy.endpoint], () => tls);
    open.push(proxy);
    const { revision } = await store.put('/rotated', 'x');
    tls = { ca: authority.cert, ...certificateAuthority().issue('stranger') };
    expect((await store.put('/rotated', 'x')).revision).toBe(revision + 1);
    proxy.cut();
    await eventually(async () => (await failure(store.get('/rotated'))).code === 'unavailable');
    tls = { ca: authority.cert, ...authority.issue('second') };
    expect(await store.get('/rotated')).toMatchObject({ modRevision: revision + 1 });
  });

  test('a function for tls that fails says so, and what it throws is not repeated', async () => {
    const store = connect(etcd.endpoints, () => {
      throw new Error('no such file: /secret/path');
    });
    const error = await failure(store.put('/x', 'x'));
    expect(error).toMatchObject({ code: 'unavailable', outcome: 'not-applied', retryable: false });
    expect(error.message).toContain('option tls');
    expect(error.message).not.toContain('/secret/path');
  });

  test('certificates and keys that can not be read are refused when the store is opened', () => {
    const { cert, key } = authority.issue('client');
    for (const tls of [{ ca: '/etc/ca.pem' }, { cert, key: authority.issue('other').key }, { cert }, { key }]) {
      expect(() => connect(etcd.endpoints, tls)).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
    }
    expect(() => connect(['http://127.0.0.1:1'], { ca: authority.cert })).toThrow('https://');
  });

  test('a server that ends each handshake while a call waits for another: each failure says what it may be', async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.on('error', () => undefined);
      // The first one waits; the keepalive asks over another.
      const waits = connections === 1;
      socket.on('data', () => waits || socket.destroy());
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    open.push({ close: () => new Promise((closed) => server.close(() => closed())) });
    const { port } = server.address() as AddressInfo;
    const clock = virtualClock();
    const options = { clock, timeouts: { connectMs: CONNECT_MS }, retry: { initialMs: 5_000 } };
    const store = connect([`https://127.0.0.1:${port}`], { ca: authority.cert }, options);
    const { signal } = new AbortController();
    const said: string[] = [];
    onFailure(signal, ({ message }) => said.push(message));
    const read = failure(store.get('/x', { signal }));
    await eventually(() => connections === 1);
    await clock.advance(KEEPALIVE_MS);
    await eventually(() => said.length > 0);
    await store.close();
    await read;
    for (const message of said) expect(message).toContain('http://');
  });

  test('plain text to a TLS server, and TLS to a plain one, say what to write', async () => {
    const plain = etcd.endpoints.map((endpoint) => endpoint.replace('https:', 'http:'));
    // Etcd just closes the connection.
    expect((await failure(connect(plain, undefined, { timeouts: { connectMs: 1_000 } }).get('/x'))).code).toBe(
      'unavailable',
    );
    const unsecured = await startEtcd({ version, enableV2: true });
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

describe.each([findEtcd({})])('users of etcd $version', ({ version }) => {
  const open: { close(): Promise<void> }[] = [];
  let etcd: Etcd;

  const password = (text: string): Promise<void> => admin(etcd, 'PUT', 'users/app', { user: 'app', password: text });

  beforeAll(async () => {
    etcd = await startEtcd({ version, enableV2: true });
    await enableUsers(etcd, 'secret-1');
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((resource) => resource.close()));
    await password('secret-1');
  });
  afterAll(() => etcd.close());

  const connect = (auth: EtcdV2Options['auth'], endpoints: readonly string[] = etcd.endpoints): EtcdV2Store => {
    const store = etcdV2Store({ endpoints, auth, timeouts: { connectMs: CONNECT_MS }, retry: { initialMs: 20 } });
    open.push(store);
    return store;
  };

  test('a role limited to a prefix is allowed there, and denied elsewhere', async () => {
    const store = connect({ username: 'app', password: 'secret-1' });
    const watch = await follow(store, { prefix: '/app/' });
    await store.put('/app/b', 'x');
    expect((await store.list({ prefix: '/app/' })).count).toBe(1);
    await watch.until(1);
    expect(await failure(store.get('/other'))).toMatchObject({ code: 'unauthenticated' });
    const denied = { code: 'unauthenticated', outcome: 'not-applied' };
    expect(await failure(store.put('/other', 'x'))).toMatchObject(denied);
    expect(await failure(store.delete({ prefix: '/other/' }))).toMatchObject(denied);
    expect(await failure(store.watch({ prefix: '/' }).ready)).toMatchObject({ code: 'unauthenticated' });
    // What anybody may know is told; the head is that of the last answer.
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
      expect(read).toMatchObject({ code: 'unauthenticated', endpoint: etcd.endpoints[0] });
      const hidden = Buffer.from('app:wrong-2').toString('base64');
      const said = [read.message, read.stack, JSON.stringify(read), String(read.cause)].join();
      for (const secret of ['wrong-2', hidden]) expect(said).not.toContain(secret);
      expect(await failure(store.put('/app/a', 'x'))).toMatchObject({
        code: 'unauthenticated',
        outcome: 'not-applied',
      });
    }
  });

  test('a password that changes on a living store is asked for again, once for many calls, and no watch is lost', async () => {
    let current = 'secret-1';
    let asked = 0;
    const store = connect(() => {
      asked += 1;
      return { username: 'app', password: current };
    });
    const watch = await follow(store, { prefix: '/app/' });
    // The server takes its time over each password (bcrypt), so there are few.
    await Promise.all(Array.from({ length: 4 }, () => store.get('/app/a')));
    expect(asked).toBe(1);
    await password('secret-2');
    current = 'secret-2';
    const puts = await Promise.all(Array.from({ length: 4 }, (_, index) => store.put('/app/a', String(index))));
    expect(asked).toBe(2);
    expect(new Set(puts.map(({ revision }) => revision)).size).toBe(4);
    await watch.until(4);
    expect(watch.error).toBeUndefined();
  });

  test('a watch whose role is revoked ends as unauthenticated, once it asks again', async () => {
    await admin(etcd, 'PUT', 'roles/passing', { role: 'passing', permissions: kv('/passing/*') });
    await admin(etcd, 'PUT', 'users/app', { user: 'app', grant: ['passing'] });
    const store = connect({ username: 'app', password: 'secret-1' });
    const root = connect({ username: 'root', password: 'toor' });
    const watch = await follow(store, { prefix: '/passing/' });
    await admin(etcd, 'PUT', 'users/app', { user: 'app', revoke: ['passing'] });
    // The server looks at the role when a poll is made: the one that waits is still answered.
    await root.put('/passing/a', '1');
    expect((await watch.ended())?.code).toBe('unauthenticated');
    expect(watch.told).toEqual(['put /passing/a=1']);
  });

  test('a function for auth that fails, or tells no user, says so, and nothing is sent', async () => {
    const proxy = await startProxy(etcd.endpoints[0]!);
    open.push(proxy);
    for (const auth of [
      () => {
        throw new Error('vault token s.12345 refused');
      },
      () => ({ username: '', password: 'x' }),
      () => Promise.resolve({ user: 'app' } as never),
    ]) {
      const error = await failure(connect(auth, [proxy.endpoint]).put('/app/a', 'x'));
      expect(error).toMatchObject({ code: 'unauthenticated', outcome: 'not-applied' });
      expect(error.message).not.toContain('s.12345');
    }
    expect(proxy.bytesToServer).toBe(0);
  });

  test('the password is in nothing that the store shows', async () => {
    const lines: string[] = [];
    const log = (message: string, details?: unknown): void => void lines.push(message, JSON.stringify(details));
    const proxy = await startProxy(etcd.endpoints[0]!);
    open.push(proxy);
    const store = etcdV2Store({
      endpoints: [proxy.endpoint],
      auth: { username: 'app', password: 'secret-1' },
      logger: { debug: log, info: log, warn: log, error: log },
      retry: { initialMs: 20 },
    });
    open.push(store);
    const watch = await follow(store, { prefix: '/app/' });
    proxy.cut();
    await watch.status('interrupted');
    await watch.status('live');
    const shown = [JSON.stringify(await store.status()), JSON.stringify(await store.stats()), ...lines].join();
    expect(lines.length).toBeGreaterThan(0);
    for (const secret of ['secret-1', Buffer.from('app:secret-1').toString('base64')]) {
      expect(shown).not.toContain(secret);
    }
    for (const endpoint of ['http://app:secret-1@127.0.0.1:1', 'app:secret-1@127.0.0.1']) {
      const error = await failure(Promise.resolve().then(() => connect(undefined, [endpoint])));
      expect(error.code).toBe('invalid-argument');
      expect(error.message).not.toContain('secret-1');
    }
  });

  test('credentials for a server without authentication do no harm', async () => {
    const unguarded = await startEtcd({ version, enableV2: true });
    open.push(unguarded);
    const store = connect({ username: 'app', password: 'x' }, unguarded.endpoints);
    await store.put('/x', 'x');
    expect(await store.get('/x')).toMatchObject({ key: '/x' });
  });
});
