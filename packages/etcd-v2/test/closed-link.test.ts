// What a store has begun when it is closed: the sibling of etcd v3's closed channels, which connected again and again.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { etcdV2Store } from '@holdfast/etcd-v2';
import type { ConfigStore } from '@holdfast/store';
import { nextTurn } from '@holdfast/store/adapter';
import { eventually } from '@holdfast/testkit';

const BEGIN: readonly (readonly [what: string, begin: (store: ConfigStore) => Promise<unknown>])[] = [
  ['a call', (store) => store.get('/a')],
  ['a watch', (store) => store.watch({ key: '/a' }).ready],
  ['a scan', (store) => store.scan({ prefix: '/' })[Symbol.asyncIterator]().next()],
];

const MOMENTS: readonly (readonly [when: string, moment: () => Promise<void>])[] = [
  ['in the same turn', () => Promise.resolve()],
  [
    'some microtasks later',
    async () => {
      for (let left = 20; left > 0; left--) await Promise.resolve();
    },
  ],
  ['a turn later', nextTurn],
  [
    'two turns later',
    async () => {
      await nextTurn();
      await nextTurn();
    },
  ],
];

describe.each(BEGIN)('a store that begins to connect for %s', (_what, begin) => {
  const open = new Set<Socket>();
  let accepted = 0;
  // It takes connections, and never answers.
  const server = createServer((socket) => {
    accepted++;
    open.add(socket);
    socket.on('error', () => undefined).on('close', () => open.delete(socket));
    socket.resume();
  });
  let port: number;
  beforeAll(async () => {
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(() => {
    server.close();
  });

  /** Whatever was begun before has been accepted once this one is. */
  async function knock(): Promise<void> {
    const before = accepted;
    const socket = connect(port, '127.0.0.1');
    await eventually(() => accepted > before && !socket.connecting);
    socket.destroy();
  }

  test.each(MOMENTS)('and is closed %s leaves no connection, and makes none later', async (_when, moment) => {
    const store = etcdV2Store({ endpoints: [`http://127.0.0.1:${port}`], retry: { initialMs: 1, maxMs: 1 } });
    const begun = begin(store).catch((error: unknown) => error);
    await moment();
    await store.close();
    expect(await begun).toMatchObject({ code: 'closed' });
    await knock();
    await eventually(() => open.size === 0);
    const made = accepted;
    await knock();
    await eventually(() => open.size === 0);
    expect(accepted).toBe(made + 1);
  });
});
