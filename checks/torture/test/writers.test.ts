import { expect, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { eventually, Random } from '@holdfast/testkit';
import { LiveWriters } from '../src/writers.js';

test('writers wait for a truth that reads more slowly than they write: etcd v2 would forget what it has not read', async () => {
  const store = memoryStore();
  let known = 0;
  let questions = 0;
  const writers = new LiveWriters({
    direct: [store],
    tested: store,
    random: new Random(1),
    epoch: () => 0,
    known: () => {
      questions += 1;
      return known;
    },
  });
  const newest = () => writers.beacon.at(-1)?.revision ?? 0;
  writers.resume();
  for (const from of [0, 310]) {
    known = from;
    await eventually(() => newest() > known + 300, { timeoutMs: 60_000 });
    // They ask again and again, and write no more.
    questions = 0;
    await eventually(() => questions > 50);
    expect(newest()).toBeLessThan(known + 350);
  }
  await writers.close();
  await store.close();
});
