// Runs from a project that installed the packed tarballs, under Jest's default configuration, as ESM.
import { createRequire } from 'node:module';
import { json, mirror } from '@holdfast/core';
import { yaml } from '@holdfast/core/yaml';
import { etcdV3, etcdV3Store } from '@holdfast/etcd-v3';
import { holdfast } from '@holdfast/fastify';
import { memory, memoryStore } from '@holdfast/memory';
import { HoldfastModule } from '@holdfast/nestjs';
import { HoldfastProvider } from '@holdfast/openfeature';
import { isStoreError, openStore } from '@holdfast/store';
import * as testkit from '@holdfast/testkit';
import * as binding from '@holdfast/testkit/jest';

test('mirrors the embedded store', async () => {
  const store = memoryStore();
  await store.put('/app/routes/r1', '{"uri":"/a"}');
  const routes = await mirror(store, { prefix: '/app/routes/', codec: json() });
  expect(routes.get('r1').value).toEqual({ uri: '/a' });
  await store.put('/app/routes/r1', '{"uri":"/b"}');
  await routes.sync();
  expect(routes.get('r1').value).toEqual({ uri: '/b' });
  await routes.close();
  await store.close();
});

test('opens by URL, with adapters given and with adapters found from here', async () => {
  for (const options of [{ adapters: [memory, etcdV3] }, { from: import.meta.url }]) {
    const store = await openStore('memory:', options);
    expect(store.name).toBe('memory');
    await store.close();
  }
});

test('a store error of the ESM copy is one to the CommonJS copy too', async () => {
  const commonJs = createRequire(import.meta.url)('@holdfast/store');
  const store = etcdV3Store({ endpoints: ['http://127.0.0.1:1'], timeouts: { connectMs: 1_000 } });
  const error = await store.get('/a').catch((cause) => cause);
  expect(commonJs.isStoreError).not.toBe(isStoreError);
  expect(isStoreError(error)).toBe(true);
  expect(commonJs.isStoreError(error)).toBe(true);
  expect(error.message).toContain('127.0.0.1:1');
  await store.close();
});

test('every entry point loads', () => {
  expect(typeof yaml).toBe('function');
  for (const integration of [holdfast, HoldfastModule, HoldfastProvider]) expect(typeof integration).toBe('function');
  expect(Object.keys(testkit)).not.toEqual([]);
  expect(Object.keys(binding)).not.toEqual([]);
});
