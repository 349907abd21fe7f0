import { expect, test } from '@jest/globals';
import { Lock } from '../src/util/lock.js';

test('one at a time, in the order of asking, whatever fails', async () => {
  const lock = new Lock();
  const told: string[] = [];
  const work = (name: string, turns: number) => async () => {
    told.push(`${name} begins`);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    told.push(`${name} ends`);
    if (name === 'b') throw new Error(name);
    return name;
  };
  const [a, b, c] = [lock.run(work('a', 9)), lock.run(work('b', 3)), lock.run(work('c', 0))];
  expect(await Promise.allSettled([a, b, c])).toMatchObject([
    { value: 'a' },
    { reason: { message: 'b' } },
    { value: 'c' },
  ]);
  expect(told).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

test('free when nobody has it or waits for it, whatever failed', async () => {
  const lock = new Lock();
  expect(lock.isFree).toBe(true);
  const failed = lock.run(() => Promise.reject(new Error('failed')));
  const done = lock.run(async () => undefined);
  expect(lock.isFree).toBe(false);
  await expect(failed).rejects.toThrow('failed');
  expect(lock.isFree).toBe(false);
  await done;
  await Promise.resolve();
  expect(lock.isFree).toBe(true);
});
