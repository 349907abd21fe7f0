// Runs from a project that installed the packed tarballs, under Jest's default configuration, as CommonJS.
const { isStoreError, openStore } = require('@holdfast/store');
const { memory, memoryStore } = require('@holdfast/memory');
const { json, mirror } = require('@holdfast/core');
const { yaml } = require('@holdfast/core/yaml');
const { etcdV3, etcdV3Store } = require('@holdfast/etcd-v3');
const { holdfast } = require('@holdfast/fastify');
const { HoldfastModule } = require('@holdfast/nestjs');
const { HoldfastProvider } = require('@holdfast/openfeature');
const testkit = require('@holdfast/testkit');
const binding = require('@holdfast/testkit/jest');

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
  for (const options of [{ adapters: [memory, etcdV3] }, { from: __filename }]) {
    const store = await openStore('memory:', options);
    expect(store.name).toBe('memory');
    await store.close();
  }
});

test('an unreachable etcd is an error that names it, and a store error to this copy of the contract', async () => {
  const store = etcdV3Store({ endpoints: ['http://127.0.0.1:1'], timeouts: { connectMs: 1_000 } });
  const error = await store.get('/a').catch((cause) => cause);
  expect(isStoreError(error)).toBe(true);
  expect(error.message).toContain('127.0.0.1:1');
  await store.close();
});

test('every entry point loads', () => {
  expect(typeof yaml).toBe('function');
  for (const integration of [holdfast, HoldfastModule, HoldfastProvider]) expect(typeof integration).toBe('function');
  expect(Object.keys(testkit)).not.toEqual([]);
  expect(Object.keys(binding)).not.toEqual([]);
});
