import { createServer, connect, type Server, Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { eventually, startProxy, type Proxy } from '@holdfast/testkit';

/** A server that keeps what it receives, and what a test makes it do with a connection. */
class Upstream {
  readonly sockets: Socket[] = [];
  received = '';
  readonly #server: Server;

  constructor(onConnection: (socket: Socket) => void = () => {}) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.sockets.push(socket);
      socket.on('data', (chunk) => (this.received += chunk.toString('latin1')));
      socket.on('error', () => {});
      onConnection(socket);
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as { port: number }).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** A client that keeps what it receives and how its connection ended. */
class Client {
  readonly socket: Socket;
  received = '';
  error: NodeJS.ErrnoException | undefined;
  ended = false;
  closed = false;

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (chunk) => (this.received += String(chunk)));
    this.socket.on('error', (error) => (this.error = error));
    this.socket.on('end', () => (this.ended = true));
    this.socket.on('close', () => (this.closed = true));
  }
}

let upstream: Upstream;
let proxy: Proxy;
const clients: Client[] = [];

function newClient(): Client {
  const client = new Client(proxy.port);
  clients.push(client);
  return client;
}

async function through(onConnection?: (socket: Socket) => void): Promise<void> {
  upstream = new Upstream(onConnection);
  proxy = await startProxy(await upstream.listen());
}

const echo = (socket: Socket): void => void socket.pipe(socket);
// Of a prime length, so that no block is like the one before it.
const pattern = Array.from({ length: 251 }, (_, code) => String.fromCharCode(code)).join('');
const payload = (bytes: number): string => pattern.repeat(Math.ceil(bytes / pattern.length)).slice(0, bytes);
// Long enough for a byte that should not pass to pass; nothing is awaited that could come earlier.
const aMoment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 80));

beforeEach(() => {
  clients.length = 0;
});

afterEach(async () => {
  for (const client of clients) client.socket.destroy();
  await proxy.close();
  await upstream.close();
});

describe('a proxy without faults', () => {
  test('passes every byte unchanged, in order, both ways, and counts them', async () => {
    await through(echo);
    const sent = payload(3_000_000);
    const client = newClient();
    client.socket.end(Buffer.from(sent, 'latin1'));
    await eventually(() => client.closed);
    expect(client.received === sent).toBe(true);
    expect(proxy.bytesToServer).toBe(sent.length);
    expect(proxy.bytesToClient).toBe(sent.length);
    expect(proxy.totalConnections).toBe(1);
    await eventually(() => expect(proxy.connections).toBe(0));
  });

  test('passes an end in one direction and leaves the other open', async () => {
    await through();
    const client = newClient();
    client.socket.end('last words');
    await eventually(() => expect(upstream.received).toBe('last words'));
    expect(client.closed).toBe(false);
    upstream.sockets[0]?.end('an answer');
    await eventually(() => client.closed);
    expect(client.received).toBe('an answer');
  });

  test('a client that stops reading stalls the server', async () => {
    const total = 64 * 1024 * 1024;
    let written = 0;
    await through((socket) => {
      const chunk = Buffer.alloc(64 * 1024);
      const write = (): void => {
        while (written < total && !socket.destroyed) {
          written += chunk.length;
          if (!socket.write(chunk)) return void socket.once('drain', write);
        }
      };
      write();
    });
    const client = newClient();
    client.socket.pause();
    let before = -1;
    await eventually(
      () => {
        const stalled = written === before && written > 0;
        before = written;
        return stalled;
      },
      { intervalMs: 100 },
    );
    // Kernel buffers, and next to nothing of the proxy's own.
    expect(written).toBeLessThan(total / 2);
    client.socket.resume();
    await eventually(() => expect(proxy.bytesToClient).toBe(total));
  });

  test('a server that is not there resets the connection', async () => {
    await through();
    await upstream.close();
    const client = newClient();
    await eventually(() => client.closed);
    expect(client.error?.code).toBe('ECONNRESET');
  });

  test('its endpoint is the target with its own port', async () => {
    upstream = new Upstream();
    const port = await upstream.listen();
    proxy = await startProxy(`https://127.0.0.1:${port}`);
    expect(proxy.endpoint).toBe(`https://127.0.0.1:${proxy.port}`);
    await expect(startProxy('http://127.0.0.1')).rejects.toThrow('names no port');
  });
});

describe('cuts', () => {
  test('cut() ends what is open, and serves what comes', async () => {
    await through(echo);
    const first = newClient();
    first.socket.write('a');
    await eventually(() => expect(first.received).toBe('a'));
    proxy.cut();
    await eventually(() => first.closed);
    await eventually(() => expect(upstream.sockets[0]?.destroyed).toBe(true));
    const second = newClient();
    second.socket.write('b');
    await eventually(() => expect(second.received).toBe('b'));
  });

  test('cut({ reset: true }) also closes a connection whose end is being sent', async () => {
    // What Node has open, also where nobody has a socket for it any more.
    const openSockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    await eventually(() => openSockets() === 0);
    await through(echo);
    const client = newClient();
    client.socket.write('a');
    await eventually(() => expect(client.received).toBe('a'));
    const [server] = upstream.sockets;
    // oxlint-disable-next-line typescript/unbound-method -- applied with its own `this` below
    const { end } = Socket.prototype;
    const spy = jest.spyOn(Socket.prototype, 'end').mockImplementation(function (this: Socket) {
      Reflect.apply(end, this, []);
      if (this !== server) proxy.cut({ reset: true });
      return this;
    });
    try {
      server?.end();
      await eventually(() => client.closed && server?.closed === true && openSockets() === 0, { timeoutMs: 5_000 });
    } finally {
      spy.mockRestore();
    }
  });

  test('cut({ reset: true }) is a reset for the client', async () => {
    await through(echo);
    const client = newClient();
    client.socket.write('a');
    await eventually(() => expect(client.received).toBe('a'));
    proxy.cut({ reset: true });
    await eventually(() => client.closed);
    expect(client.error?.code).toBe('ECONNRESET');
  });

  test.each([1, 7, 1_000, 65_536, 65_537, 1_000_001])(
    'cutAfter(%i) lets exactly that many bytes through',
    async (bytes) => {
      const sent = payload(2_000_000);
      await through((socket) => void socket.write(Buffer.from(sent, 'latin1')));
      const cut = proxy.cutAfter(bytes);
      const client = newClient();
      await cut.happened;
      await eventually(() => client.closed);
      expect(client.received.length).toBe(bytes);
      expect(client.received === sent.slice(0, bytes)).toBe(true);
      expect(proxy.bytesToClient).toBe(bytes);
    },
  );

  test('cutAfter counts over all connections, and cuts them all', async () => {
    await through(echo);
    const [one, two] = [newClient(), newClient()];
    const cut = proxy.cutAfter(5);
    one.socket.write('abc');
    await eventually(() => expect(one.received).toBe('abc'));
    two.socket.write('defg');
    await cut.happened;
    await eventually(() => one.closed && two.closed);
    expect(two.received).toBe('de');
  });

  test('cutAfter cuts once: the next connection is whole', async () => {
    await through(echo);
    const cut = proxy.cutAfter(1);
    newClient().socket.write('abc');
    await cut.happened;
    const second = newClient();
    second.socket.write('abc');
    await eventually(() => expect(second.received).toBe('abc'));
  });

  test('cutAfter toServer counts what the client sends', async () => {
    await through(echo);
    const cut = proxy.cutAfter(4, { direction: 'toServer' });
    newClient().socket.write('abcdef');
    await cut.happened;
    await eventually(() => expect(upstream.sockets[0]?.destroyed).toBe(true));
    expect(upstream.received).toBe('abcd');
  });

  test('cutWhen looks at each chunk before it passes, and cuts after it or inside it', async () => {
    await through(echo);
    const after = proxy.cutWhen((chunk) => Buffer.from(chunk).includes('now'));
    const first = newClient();
    first.socket.write('not yet');
    await eventually(() => expect(first.received).toBe('not yet'));
    first.socket.write('now!');
    await after.happened;
    await eventually(() => first.closed);
    expect(first.received).toBe('not yetnow!');

    const inside = proxy.cutWhen((chunk) => {
      const at = Buffer.from(chunk).indexOf('now');
      return at < 0 ? false : at;
    });
    const second = newClient();
    second.socket.write('until now');
    await inside.happened;
    await eventually(() => second.closed);
    expect(second.received).toBe('until ');
  });

  test('a cut with refuse keeps clients out from that moment on', async () => {
    await through(echo);
    const cut = proxy.cutAfter(1, { refuse: true });
    newClient().socket.write('abc');
    await cut.happened;
    const next = newClient();
    await eventually(() => next.closed);
    expect(next.error?.code).toBe('ECONNREFUSED');
  });

  test('a disarmed cut does not happen', async () => {
    await through(echo);
    proxy.cutAfter(2).disarm();
    const client = newClient();
    client.socket.write('abc');
    await eventually(() => expect(client.received).toBe('abc'));
  });
});

describe('other faults', () => {
  test('refuse() turns new connections away and leaves open ones alone, until allow()', async () => {
    await through(echo);
    const open = newClient();
    open.socket.write('a');
    await eventually(() => expect(open.received).toBe('a'));
    proxy.refuse();
    const refused = newClient();
    await eventually(() => refused.closed);
    expect(refused.error?.code).toBe('ECONNREFUSED');
    open.socket.write('b');
    await eventually(() => expect(open.received).toBe('ab'));
    await proxy.allow();
    const allowed = newClient();
    allowed.socket.write('c');
    await eventually(() => expect(allowed.received).toBe('c'));
  });

  test('a black hole keeps sockets open, takes new ones, and forwards nothing, not even the server’s end', async () => {
    await through(echo);
    const old = newClient();
    old.socket.write('a');
    await eventually(() => expect(old.received).toBe('a'));
    proxy.blackHole();
    const { bytesToClient, bytesToServer } = proxy;
    const young = newClient();
    old.socket.write('b');
    young.socket.write('c');
    await eventually(() => expect(proxy.connections).toBe(2));
    upstream.sockets[0]?.write('from the server');
    upstream.sockets[0]?.resetAndDestroy();
    await aMoment();
    expect([proxy.bytesToClient, proxy.bytesToServer]).toEqual([bytesToClient, bytesToServer]);
    expect([old.closed, old.ended, young.closed, young.ended]).toEqual([false, false, false, false]);
    expect(upstream.sockets.length).toBe(1);
  });

  test('what a black hole held back flows on after allow()', async () => {
    await through(echo);
    const old = newClient();
    old.socket.write('a');
    await eventually(() => expect(old.received).toBe('a'));
    proxy.blackHole();
    old.socket.write('b');
    const young = newClient();
    young.socket.write('c');
    await aMoment();
    expect([old.received, young.received]).toEqual(['a', '']);
    await proxy.allow();
    await eventually(() => expect([old.received, young.received]).toEqual(['ab', 'c']));
  });

  test('an end that a black hole held back is passed on after allow()', async () => {
    await through(echo);
    const client = newClient();
    client.socket.write('a');
    await eventually(() => expect(client.received).toBe('a'));
    proxy.blackHole();
    upstream.sockets[0]?.resetAndDestroy();
    await aMoment();
    expect(client.closed).toBe(false);
    await proxy.allow();
    await eventually(() => client.closed);
  });

  test('abandoned connections stay half-open, also after allow(), while new ones are served; end() ends them', async () => {
    await through(echo);
    const old = newClient();
    old.socket.write('a');
    await eventually(() => expect(old.received).toBe('a'));
    const abandoned = proxy.abandon();
    expect(abandoned.count).toBe(1);
    old.socket.write('b');
    const young = newClient();
    young.socket.write('c');
    await eventually(() => expect(young.received).toBe('c'));
    await proxy.allow();
    await aMoment();
    expect([old.received, old.closed, old.ended]).toEqual(['a', false, false]);
    abandoned.end();
    await eventually(() => old.closed);
    expect(young.closed).toBe(false);
  });

  test('cut() goes through a black hole', async () => {
    await through(echo);
    const client = newClient();
    client.socket.write('a');
    await eventually(() => expect(client.received).toBe('a'));
    proxy.blackHole();
    proxy.cut();
    await eventually(() => client.closed);
  });

  test('a stall holds one direction and leaves the other', async () => {
    await through(echo);
    const client = newClient();
    client.socket.write('a');
    await eventually(() => expect(client.received).toBe('a'));
    proxy.stall('toClient');
    client.socket.write('b');
    await eventually(() => expect(upstream.received).toBe('ab'));
    await aMoment();
    expect(client.received).toBe('a');
    await proxy.allow();
    await eventually(() => expect(client.received).toBe('ab'));
  });

  test('a delay makes every byte late, and keeps the order', async () => {
    await through(echo);
    proxy.delay(60, 'toClient');
    const client = newClient();
    const start = performance.now();
    client.socket.write('a');
    await eventually(() => expect(upstream.received).toBe('a'));
    client.socket.write('b');
    await eventually(() => expect(client.received).toBe('ab'), { intervalMs: 1 });
    expect(performance.now() - start).toBeGreaterThanOrEqual(59);
    proxy.delay(0);
    client.socket.write('c');
    await eventually(() => expect(client.received).toBe('abc'));
  });

  test('a throttle limits the rate', async () => {
    const sent = payload(20_000);
    await through((socket) => void socket.write(Buffer.from(sent, 'latin1')));
    proxy.throttle(100_000, 'toClient');
    const start = performance.now();
    const client = newClient();
    await eventually(() => expect(client.received.length).toBe(sent.length), { intervalMs: 1 });
    expect(performance.now() - start).toBeGreaterThanOrEqual(170);
    expect(client.received === sent).toBe(true);
    expect(() => proxy.throttle(0)).toThrow('stall()');
  });

  test('retarget() sends new connections to another server', async () => {
    await through(echo);
    const other = new Upstream(echo);
    proxy.retarget(await other.listen());
    const client = newClient();
    client.socket.write('a');
    await eventually(() => expect(client.received).toBe('a'));
    expect(other.received).toBe('a');
    expect(upstream.sockets.length).toBe(0);
    await other.close();
  });
});

describe('close()', () => {
  test('leaves no socket, no timer and no listener', async () => {
    const before = process.getActiveResourcesInfo().length;
    await through(echo);
    proxy.delay(60_000);
    const client = newClient();
    client.socket.write('a');
    await eventually(() => expect(proxy.connections).toBe(1));
    await proxy.close();
    await proxy.close();
    await eventually(() => client.closed);
    await upstream.close();
    await eventually(() => expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before));
    const late = newClient();
    await eventually(() => late.closed);
    expect(late.error?.code).toBe('ECONNREFUSED');
    await expect(proxy.allow()).rejects.toThrow('closed');
  });

  test('ends what a black hole holds', async () => {
    await through(echo);
    proxy.blackHole();
    const client = newClient();
    await eventually(() => expect(proxy.connections).toBe(1));
    await proxy.close();
    await eventually(() => client.closed);
  });
});
