import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { MirrorStateEvent } from '@holdfast/core';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { memoryStore } from '@holdfast/memory';
import type { ConfigStore, Op, Revision } from '@holdfast/store';
import { startEtcd, type Etcd } from '@holdfast/testkit';
import { startGateway } from '../example/gateway.js';
import { inBackground } from '../../../.ci/test/support/in-background.js';

let etcd: Etcd;

/** The backends: one line each, and nothing else in this file knows which it is. */
const backends: readonly (readonly [name: string, open: () => ConfigStore])[] = [
  ['memory', () => memoryStore()],
  ['etcd', () => etcdV3Store({ endpoints: etcd.endpoints })],
  ['v2 of etcd', () => etcdV2Store({ endpoints: etcd.endpoints })],
];

beforeAll(async () => {
  etcd = await startEtcd({ version: '3.5', enableV2: true });
});

afterAll(async () => {
  await etcd.close();
});

/** A server that answers every request with its name. */
async function startUpstream(name: string): Promise<{ url: string; server: Server }> {
  const server = createServer((_incoming, outgoing) => outgoing.end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

describe.each(backends)('the example gateway on %s', (_name, open) => {
  let store: ConfigStore;
  let gateway: Awaited<ReturnType<typeof startGateway>>;
  let blue: Awaited<ReturnType<typeof startUpstream>>;
  let green: Awaited<ReturnType<typeof startUpstream>>;

  const put = (key: string, value: unknown) => store.put(`/gateway/${key}`, JSON.stringify(value));
  /** All of it at once where the store can, and else one after the other: what is named before what names it. */
  const write = async (ops: readonly Extract<Op, { type: 'put' | 'delete' }>[]): Promise<Revision> => {
    if (store.capabilities.transactions === 'multi-key') return (await store.txn({ then: ops })).revision;
    let revision: Revision | undefined;
    for (const op of ops) {
      ({ revision } = op.type === 'put' ? await store.put(op.key, op.value) : await store.delete(op.range));
    }
    return revision!;
  };
  const fetchText = async (path: string) => {
    const response = await fetch(gateway.url + path);
    return `${response.status} ${await response.text()}`;
  };

  beforeEach(async () => {
    store = open();
    [blue, green] = await Promise.all([startUpstream('blue'), startUpstream('green')]);
    await store.delete({ prefix: '/gateway/' });
    await put('upstreams/blue', { nodes: [blue.url] });
    await put('routes/shop', { path: '/shop/', upstream: 'blue' });
    gateway = await startGateway(store);
  });

  afterEach(async () => {
    await gateway.close();
    await store.close();
    for (const { server } of [blue, green]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test('forwards by what is in the store, and follows its changes', async () => {
    expect(await fetchText('/shop/cart')).toBe('200 blue');
    expect(await fetchText('/blog/')).toContain('404');
    await put('upstreams/green', { nodes: [green.url] });
    const { revision } = await put('routes/blog', { path: '/blog/', upstream: 'green' });
    await gateway.config.waitFor(revision);
    expect(await fetchText('/blog/')).toBe('200 green');
    await store.delete('/gateway/routes/blog');
    await gateway.config.sync();
    expect(await fetchText('/blog/')).toContain('404');
  });

  test('an upstream and its route that are replaced together are never served in parts', async () => {
    const answers = new Set<string>();
    await using client = inBackground(async (isOver) => {
      while (!isOver()) answers.add(await fetchText('/shop/cart'));
    });
    for (let round = 0; round < 20; round += 1) {
      const [from, to, url] = round % 2 === 0 ? ['blue', 'green', green.url] : ['green', 'blue', blue.url];
      const revision = await write([
        { type: 'put', key: `/gateway/upstreams/${to}`, value: JSON.stringify({ nodes: [url] }) },
        { type: 'put', key: '/gateway/routes/shop', value: JSON.stringify({ path: '/shop/', upstream: to }) },
        { type: 'delete', range: `/gateway/upstreams/${from}` },
      ]);
      await gateway.config.waitFor(revision);
      answers.add(await fetchText('/shop/cart'));
    }
    await client.stop();
    expect([...answers].sort()).toEqual(['200 blue', '200 green']);
  });

  test('a bad value stops nothing, and shows in the health page', async () => {
    const { revision } = await put('routes/shop', { path: 'shop', upstream: 'blue' });
    await gateway.config.waitFor(revision);
    expect(await fetchText('/shop/cart')).toBe('200 blue');
    const health = (await (await fetch(`${gateway.url}/-/health`)).json()) as { status: string; problems: object[] };
    expect(health).toMatchObject({
      status: 'live',
      problems: [{ collection: 'routes', key: 'shop', revision, cause: [{ path: ['path'] }] }],
    });
  });

  test('one key is a collection too: maintenance mode', async () => {
    await gateway.config.waitFor((await put('settings', { maintenance: true })).revision);
    expect(await fetchText('/shop/cart')).toContain('503');
    await store.delete('/gateway/settings');
    await gateway.config.sync();
    expect(await fetchText('/shop/cart')).toBe('200 blue');
  });
});

test('the example gateway leaves no mirror behind where its port is taken', async () => {
  const { url, server } = await startUpstream('other');
  const store = memoryStore();
  const states: string[] = [];
  const onState = (event: unknown) => states.push((event as MirrorStateEvent).status);
  subscribe('holdfast:mirror:state', onState);
  await expect(startGateway(store, Number(new URL(url).port))).rejects.toMatchObject({ code: 'EADDRINUSE' });
  expect(states.at(-1)).toBe('closed');
  unsubscribe('holdfast:mirror:state', onState);
  await store.close();
  await new Promise((resolve) => server.close(resolve));
});
