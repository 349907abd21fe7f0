import { afterEach, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSecureContext, type TLSSocket } from 'node:tls';
import { certificateAuthority } from '@holdfast/testkit';
import { etcdV2Store } from '@holdfast/etcd-v2';

describe('the server name', () => {
  const authority = certificateAuthority();
  const open: { close(): unknown }[] = [];

  afterEach(async () => {
    for (const resource of open.splice(0).reverse()) await resource.close();
  });

  /** A server that is no etcd. `names`: those that clients asked for (SNI), and `false` for those that named none. */
  async function listen(): Promise<{ port: number; names: (string | false)[] }> {
    const names: (string | false)[] = [];
    const certificate = authority.issue('etcd', ['etcd.internal', 'localhost', '127.0.0.1']);
    const SNICallback = (
      _name: string,
      done: (error: null, context: ReturnType<typeof createSecureContext>) => void,
    ) => {
      done(null, createSecureContext(certificate));
    };
    const server = createServer({ ...certificate, SNICallback }, (_request, response) => {
      response.writeHead(404).end('404 page not found\n');
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      names.push(socket.servername ?? false);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => new Promise((resolve) => server.close(resolve)) });
    return { port: (server.address() as AddressInfo).port, names };
  }

  test.each<[string, string | undefined, string | false]>([
    ['127.0.0.1', 'etcd.internal', 'etcd.internal'],
    ['localhost', 'etcd.internal', 'etcd.internal'],
    ['localhost', undefined, 'localhost'],
    // RFC 6066: an address is no server name.
    ['127.0.0.1', undefined, false],
  ])('at %s with tls.serverName %s is asked for as %s (SNI)', async (host, serverName, asked) => {
    const { port, names } = await listen();
    const store = etcdV2Store({
      endpoints: [`https://${host}:${port}`],
      tls: { ca: authority.cert, serverName },
      retry: { attempts: 1 },
    });
    open.push(store);
    await expect(store.get('/x')).rejects.toMatchObject({ code: 'unavailable' });
    expect(names).toEqual([asked]);
  });
});
