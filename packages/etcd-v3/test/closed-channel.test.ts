import { createServer, type AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { isStoreError } from '@holdfast/store';
import { nextTurn } from '@holdfast/store/adapter';
import { availableEtcds, eventually, startEtcd, startProxy } from '@holdfast/testkit';
import { parseEndpoint } from '@holdfast/etcd-common';
import { loadDefinitions } from '../src/connection/definitions.js';
import { Endpoint } from '../src/connection/endpoint.js';
import { EtcdChannel } from '../src/connection/etcd-channel.js';
import { STATUS } from '../src/connection/rpc.js';
import { resolveOptions } from '../src/options.js';

test('a new connection is not taken for one that was idle for long by a user that hears of it first', async () => {
  const [binary] = availableEtcds();
  await using etcd = await startEtcd({ version: binary!.version });
  const [server] = etcd.endpoints;
  const endpoint: Endpoint = new Endpoint(parseEndpoint(server!), resolveOptions({ endpoints: [server!] }), () => {
    endpoint.letGoIfUnused();
  });
  try {
    const channel = await endpoint.connect();
    expect(endpoint.ready).toBe(channel);
  } finally {
    endpoint.close();
  }
});

test('a store that goes to an endpoint for the first time keeps the connection that it makes there, and loses no call', async () => {
  const [binary] = availableEtcds();
  await using etcd = await startEtcd({ version: binary!.version });
  const [server] = etcd.endpoints;
  await using one = await startProxy(server!);
  await using other = await startProxy(server!);
  // The store settles on one endpoint.
  other.refuse();
  const store = etcdV3Store({ endpoints: [one.endpoint, other.endpoint], retry: { initialMs: 1_000, maxMs: 2_000 } });
  const watch = store.watch({ prefix: '/k' });
  try {
    await watch.ready;
    await store.get('/k');
    await other.allow();
    one.refuse();
    one.cut();
    // The watch rests before it opens another stream, and is told of the connection that a read makes meanwhile.
    await eventually(() => watch.state.status === 'interrupted', { intervalMs: 1 });
    const failures: string[] = [];
    const reads = Array.from({ length: 5 }, (_, n) =>
      store.get(`/k${n}`, { timeoutMs: 60_000 }).catch((error: unknown) => {
        if (!isStoreError(error, 'unavailable')) failures.push(String(error));
      }),
    );
    await Promise.all(reads);
    await eventually(() => watch.state.status === 'live' && other.connections > 0);
    expect(failures).toEqual([]);
    // Questions for the cluster have connections of their own, which end at once: calls and the watch share the one that is left.
    await eventually(() => other.connections === 1);
  } finally {
    await watch.close();
    await store.close();
  }
});

// gRPC itself goes on: an address that it has looked up when the channel is closed makes the channel connect after all, and so does a call
// that waits. It would connect again and again, for ever, in pauses of up to two minutes.
describe.each([
  ['while it connects', () => undefined],
  [
    'while a call waits for it',
    (channel: EtcdChannel) => {
      channel.unary(STATUS, {}, new Metadata(), () => undefined);
    },
  ],
])('a channel that is closed in the turn in which it was made, %s', (_when, use) => {
  let connections = 0;
  let endpoint: string;
  const server = createServer((socket) => {
    connections++;
    socket.on('error', () => undefined);
  });
  beforeAll(async () => {
    await loadDefinitions();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    connections = 0;
  });
  afterAll(() => {
    server.close();
  });

  const open = (onState: (state: number) => void): EtcdChannel => {
    const channel = new EtcdChannel(parseEndpoint(endpoint), resolveOptions({ endpoints: [endpoint] }));
    channel.connect(onState);
    use(channel);
    return channel;
  };

  /** One that was closed, once what it put off within the turn had begun, and the states that it told after that. */
  const openAndClose = async (): Promise<{ channel: EtcdChannel; seen: number[] }> => {
    const seen: number[] = [];
    const channel = open((state) => seen.push(state));
    await Promise.resolve();
    channel.close();
    seen.length = 0;
    return { channel, seen };
  };

  test('stays closed', async () => {
    const { channel, seen } = await openAndClose();
    await nextTurn();
    // Whatever the closed one began, it began before this.
    const other = open(() => undefined);
    try {
      await eventually(() => connections > 0);
      await nextTurn();
      expect(connections).toBe(1);
      expect(channel.isClosed).toBe(true);
      expect(channel.lingers).toBe(false);
      expect(seen).toEqual([]);
    } finally {
      other.destroy();
    }
  });

  test('is let go: no timer of gRPC goes on for it', async () => {
    const closed = new WeakRef((await openAndClose()).channel);
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    await eventually(() => {
      gc();
      return closed.deref() === undefined;
    });
  });
});
