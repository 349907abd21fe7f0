import { json, mirror } from '@holdfast/core';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { startEtcd, type Etcd } from '@holdfast/testkit';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';

let etcd: Etcd;
beforeAll(async () => {
  etcd = await startEtcd({ version: '3.5', enableV2: true });
});
afterEach(() => {
  jest.useRealTimers();
});
afterAll(async () => {
  await etcd.close();
});

// As docs/testing-your-service.md says.
test('with fake timers, the v2 store works if nextTick, setImmediate and queueMicrotask are real: undici needs them', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'clearImmediate', 'queueMicrotask'] });
  const store = etcdV2Store({ endpoints: etcd.endpoints });
  const routes = await mirror(store, { prefix: '/routes/', codec: json() });
  await store.put('/routes/home', '{"uri":"/"}');
  await routes.sync();
  expect(routes.get('home')?.value).toEqual({ uri: '/' });
  await routes.close();
  await store.close();
});
