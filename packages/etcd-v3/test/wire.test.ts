// What a server sees of a store's connection: the name that it asks for, and the headers that its calls carry.
import { afterEach, describe, expect, test } from '@jest/globals';
import { createSecureServer, createServer, type Http2Server, type IncomingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createSecureContext, type TLSSocket } from 'node:tls';
import { certificateAuthority, eventually, grpcFrame } from '@holdfast/testkit';
import { etcdV3Store, type EtcdV3Options } from '@holdfast/etcd-v3';

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const resource of open.splice(0).reverse()) await resource.close();
});

// A list of members, with nothing but a header of cluster 1.
const MEMBERS = grpcFrame(Uint8Array.of(0x0a, 2, 0x08, 1));

/** A gRPC server that tells its cluster and can do nothing else. It remembers the headers of what it was asked for. */
async function listen(server: Http2Server): Promise<{ port: number; calls: IncomingHttpHeaders[] }> {
  const calls: IncomingHttpHeaders[] = [];
  server.on('stream', (stream, headers) => {
    calls.push(headers);
    stream.on('error', () => undefined);
    const head = { ':status': 200, 'content-type': 'application/grpc' };
    if (headers[':path'] === '/etcdserverpb.Cluster/MemberList') {
      stream.respond(head, { waitForTrailers: true });
      stream.on('wantTrailers', () => {
        stream.sendTrailers({ 'grpc-status': '0' });
      });
      stream.end(MEMBERS);
    } else stream.respond({ ...head, 'grpc-status': '12' }, { endStream: true });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({ close: () => new Promise((resolve) => server.close(resolve)) });
  return { port: (server.address() as AddressInfo).port, calls };
}

function connect(options: EtcdV3Options) {
  const store = etcdV3Store({ timeouts: { connectMs: 60_000 }, retry: { attempts: 1 }, ...options });
  open.push(store);
  return store;
}

describe('headers', () => {
  test('those of the option are in every call, of watches and authentication too', async () => {
    const { port, calls } = await listen(createServer());
    const store = connect({
      endpoints: [`http://127.0.0.1:${port}`],
      headers: { 'x-tenant': 'shop', 'x-zone': 'eu-1' },
    });
    await expect(store.get('/x')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(store.status()).rejects.toMatchObject({ code: 'unavailable' });
    await expect(store.put('/x', 'x')).rejects.toMatchObject({ outcome: 'unknown' });
    // With a bookmark a watch asks for nothing before its stream.
    store.watch('/x', { after: { revision: 1 as never, identity: 'x' } });
    await eventually(() => calls.some(({ ':path': path }) => path === '/etcdserverpb.Watch/Watch'));
    const user = connect({
      endpoints: [`http://127.0.0.1:${port}`],
      headers: { 'x-tenant': 'shop', 'x-zone': 'eu-1' },
      auth: { username: 'me', password: 'pw' },
    });
    await expect(user.put('/x', 'x')).rejects.toMatchObject({ outcome: 'not-applied' });
    expect(new Set(calls.map(({ ':path': path }) => path))).toEqual(
      new Set(
        [
          // Each new connection is asked which cluster it reaches.
          '/Cluster/MemberList',
          ...['/KV/Range', '/Maintenance/Status', '/Watch/Watch', '/Auth/Authenticate', '/KV/Put'],
        ].map((path) => `/etcdserverpb.${path.slice(1)}`),
      ),
    );
    for (const headers of calls) expect(headers).toMatchObject({ 'x-tenant': 'shop', 'x-zone': 'eu-1' });
  });
});

describe('the server name', () => {
  const authority = certificateAuthority();

  /** The names that clients asked for (SNI), and `false` for those that named none. */
  async function listenSecurely(): Promise<{ port: number; names: (string | false)[] }> {
    const names: (string | false)[] = [];
    const certificate = authority.issue('etcd', ['etcd.internal', 'localhost', '127.0.0.1']);
    const server = createSecureServer({
      ...certificate,
      SNICallback: (_name, done) => {
        done(null, createSecureContext(certificate));
      },
    });
    server.on('secureConnection', (socket: TLSSocket) => names.push(socket.servername ?? false));
    return { port: (await listen(server)).port, names };
  }

  test.each<[string, string | undefined, string | false]>([
    ['127.0.0.1', 'etcd.internal', 'etcd.internal'],
    ['localhost', 'etcd.internal', 'etcd.internal'],
    ['localhost', undefined, 'localhost'],
    // RFC 6066: an address is no server name.
    ['127.0.0.1', undefined, false],
  ])('at %s with tls.serverName %s is asked for as %s (SNI)', async (host, serverName, asked) => {
    const { port, names } = await listenSecurely();
    const tls = { ca: authority.cert, serverName };
    const store = connect({ endpoints: [`https://${host}:${port}`], tls });
    await expect(store.get('/x')).rejects.toMatchObject({ code: 'unavailable' });
    // Where nothing else is to be had, a member that does not serve is looked for over another connection.
    expect(new Set(names)).toEqual(new Set([asked]));
  });
});
