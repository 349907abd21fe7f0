import { memoryStore } from '@holdfast/memory';
import { expect, test } from '@jest/globals';
import { json, mirror } from '../src/index.js';

test('a mirror loads, follows and resyncs', async () => {
  const store = memoryStore();
  await store.put('/a/1', '{"n":1}');
  const m = await mirror(store, { prefix: '/a/', codec: json<{ n: number }>() });
  expect(m.get('1')?.value).toEqual({ n: 1 });
  const { revision } = await store.put('/a/2', '{"n":2}');
  await m.waitFor(revision);
  expect(m.get('2')?.value).toEqual({ n: 2 });
  await store.put('/b', 'x');
  await m.sync();
  expect(m.state.status).toBe('live');
  await m.close();
  expect(store.watcherCount).toBe(0);
  await store.close();
});
