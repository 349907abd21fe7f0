import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import type { ConfigStore } from '@holdfast/store';
import {
  availableEtcds,
  eventually,
  grpcAnswer,
  startAnsweringProxy,
  startEtcd,
  type AnsweringProxy,
  type Etcd,
} from '@holdfast/testkit';

// The one that runs everything: it has the v2 API too.
const { version } = availableEtcds()[0]!;

let etcd: Etcd;
let proxy: AnsweringProxy;

beforeAll(async () => {
  etcd = await startEtcd({ version, enableV2: true });
  proxy = await startAnsweringProxy(etcd.endpoints[0]!);
});
afterAll(async () => {
  await proxy.close();
  await etcd.close();
});
beforeEach(() => {
  proxy.pass();
});

describe.each([
  ['gRPC', (endpoint: string): ConfigStore => etcdV3Store({ endpoints: [endpoint], retry: { attempts: 1 } })],
  ['HTTP/1.1', (endpoint: string): ConfigStore => etcdV2Store({ endpoints: [endpoint], retry: { attempts: 1 } })],
])('a proxy of %s', (_name, open) => {
  test('passes calls, large answers and watches on', async () => {
    await using store = open(proxy.endpoint);
    const large = 'x'.repeat(300_000);
    const watch = store.watch({ prefix: '/' });
    await watch.ready;
    for (const name of ['/a', '/b', '/c']) await store.put(name, large);
    const { items } = await store.list({ prefix: '/' });
    expect(items.map(({ value }) => value.length)).toEqual([300_000, 300_000, 300_000]);
    let told = 0;
    for await (const { events } of watch) {
      told += events.length;
      if (told === 3) break;
    }
    await store.delete('/a');
    expect(await store.get('/a')).toBeUndefined();
  });

  test('answers by itself for a while, and passes on again', async () => {
    await using store = open(proxy.endpoint);
    await store.put('/k', '1');
    const before = proxy.answered;
    proxy.answer(
      { status: 503, headers: { 'content-type': 'text/html' }, body: '<h1>back soon</h1>' },
      { open: 'keep' },
    );
    await expect(store.get('/k')).rejects.toMatchObject({ code: 'unavailable' });
    expect(proxy.answered).toBeGreaterThan(before);
    proxy.pass();
    await eventually(async () => (await store.get('/k').catch(() => undefined)) !== undefined);
  });

  test('leaves open watches alone where it is told to', async () => {
    await using store = open(proxy.endpoint);
    const watch = store.watch({ prefix: '/' });
    await watch.ready;
    proxy.answer(({ path }) => (/watch/i.test(path) || /wait=true/.test(path) ? 'pass' : { status: 503 }), {
      open: 'keep',
    });
    await expect(store.get('/k')).rejects.toMatchObject({ code: 'unavailable' });
    expect(watch.state.status).toBe('live');
  });
});

describe('gRPC', () => {
  test('messages of the server are changed on their way', async () => {
    await using store = etcdV3Store({ endpoints: [proxy.endpoint] });
    await store.put('/k', 'good');
    proxy.rewrite((message, path) =>
      path.endsWith('/Range') ? Buffer.from(message.toString('latin1').replace('good', 'evil'), 'latin1') : message,
    );
    expect(Buffer.from((await store.get('/k'))!.value).toString()).toBe('evil');
  });

  // The proxy's own connection to the server is then ended while it is being made.
  test('a cut at each step of a request that begins breaks no more than that request', async () => {
    for (const later of [queueMicrotask, (act: () => void) => process.nextTick(act), setImmediate]) {
      for (let round = 0; round < 3; round += 1) {
        await using store = etcdV3Store({ endpoints: [proxy.endpoint] });
        let cuts = 0;
        proxy.answer(
          () => {
            if (cuts++ === 0)
              later(() => {
                proxy.cut();
              });
            return 'pass';
          },
          { open: 'keep' },
        );
        await store.get('/k');
        expect(cuts).toBeGreaterThan(1);
      }
    }
  });

  test('an answer has messages and a status', async () => {
    await using store = etcdV3Store({ endpoints: [proxy.endpoint], retry: { attempts: 1 } });
    proxy.answer(grpcAnswer([], { status: 14, message: 'etcdserver: no leader, 100 %' }));
    await expect(store.get('/k')).rejects.toMatchObject({ code: 'unavailable', message: /no leader, 100 %/ });
  });
});

test('an answer without a body takes nothing of one that has no end', async () => {
  let taken = 0;
  const endless = function* (): Generator<Uint8Array> {
    while (taken < 10_000) {
      taken += 1;
      yield Buffer.alloc(1_024);
    }
  };
  proxy.answer(() => ({ status: 200, body: endless() }));
  const { status } = await fetch(`${proxy.endpoint}/v2/keys/`, { method: 'HEAD' });
  expect(status).toBe(200);
  expect(taken).toBeLessThan(100);
});
