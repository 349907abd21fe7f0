import { json, mirror } from '@holdfast/core';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { startEtcd, type Etcd } from '@holdfast/testkit';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';

let etcd: Etcd;
beforeAll(async () => {
  etcd = await startEtcd();
});
afterEach(() => {
  jest.useRealTimers();
});
afterAll(async () => {
  await etcd.close();
});

// As docs/testing-your-service.md says.
test('with fake timers, the v3 store works if nextTick and setImmediate are real: gRPC needs them', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'clearImmediate'] });
  const store = etcdV3Store({ endpoints: etcd.endpoints });
  const routes = await mirror(store, { prefix: '/routes/', codec: json() });
  await store.put('/routes/home', '{"uri":"/"}');
  await routes.sync();
  expect(routes.get('home')?.value).toEqual({ uri: '/' });
  await routes.close();
  await store.close();
});
