import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { eventually, startBalancer, type Balancer } from '@holdfast/testkit';

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const resource of open.splice(0).reverse()) await resource.close();
});

/** A server that greets with its name. */
async function listen(name: string): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.write(name);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push({
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  });
  return (server.address() as { port: number }).port;
}

async function world(): Promise<{ balancer: Balancer; greet: () => Promise<{ name: string; socket: Socket }> }> {
  const balancer = await startBalancer([await listen('a'), await listen('b'), await listen('c')]);
  open.push(balancer);
  const greet = async () => {
    const socket = connect({ host: '127.0.0.1', port: balancer.port });
    socket.on('error', () => undefined);
    open.push({ close: () => socket.destroy() });
    const [data] = (await once(socket, 'data')) as [Buffer];
    return { name: data.toString(), socket };
  };
  return { balancer, greet };
}

test('connections go to the servers in turn', async () => {
  const { balancer, greet } = await world();
  const names = [];
  for (let i = 0; i < 4; i += 1) names.push((await greet()).name);
  expect(names).toEqual(['a', 'b', 'c', 'a']);
  expect(balancer.chosen).toEqual([0, 1, 2, 0]);
  expect([0, 1, 2].map((target) => balancer.connectionsTo(target))).toEqual([2, 1, 1]);
});

test('servers are taken out of it and put back, and open connections stay', async () => {
  const { balancer, greet } = await world();
  const { socket } = await greet();
  balancer.serve([2]);
  expect([(await greet()).name, (await greet()).name]).toEqual(['c', 'c']);
  expect(socket.destroyed).toBe(false);
  balancer.choose((turn) => (turn === 3 ? 1 : 0));
  expect([(await greet()).name, (await greet()).name]).toEqual(['b', 'a']);
});

test('the connections to one server are cut, and no others', async () => {
  const { balancer, greet } = await world();
  const [a, b] = [await greet(), await greet()];
  balancer.cutTo(0);
  await eventually(() => a.socket.closed);
  expect(b.socket.closed).toBe(false);
  expect([balancer.connectionsTo(0), balancer.connectionsTo(1)]).toEqual([0, 1]);
});
