import { mock } from 'node:test';
import { mirror, text } from '@holdfast/core';
import { memoryStore } from '@holdfast/memory';
import { eventually } from '@holdfast/testkit';

/** With the mock timers of `node:test`, which leave `performance.now()` alone: what a mirror of a lease shows, before and after its time. */
export async function run(): Promise<readonly boolean[]> {
  const realTimeout = setTimeout;
  mock.timers.enable();
  const store = memoryStore();
  const mirrored = await mirror(store, { prefix: '/', codec: text() });
  await store.put('/leased', '1', { ttl: 10 });
  await mirrored.sync();
  const shown = [mirrored.has('leased')];
  mock.timers.tick(9_000);
  await mirrored.sync();
  shown.push(mirrored.has('leased'));
  mock.timers.tick(2_000);
  await mirrored.sync();
  shown.push(mirrored.has('leased'));
  mock.timers.reset();
  await new Promise((resolve) => realTimeout(resolve));
  await eventually(() => true);
  await mirrored.close();
  await store.close();
  return shown;
}
