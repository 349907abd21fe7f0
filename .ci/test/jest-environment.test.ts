import { AsyncLocalStorage, executionAsyncId } from 'node:async_hooks';
import { expect, test } from '@jest/globals';

// Where anything makes Node follow promises, each has an identity of its own, and costs more.
test('Node follows no promise while tests run', async () => {
  const seen = new Set<number>();
  for (let round = 0; round < 3; round++) {
    await Promise.resolve();
    seen.add(executionAsyncId());
  }
  expect(seen.size).toBe(1);
});

test('a test that listens for warnings of Node hears them', async () => {
  const warnings: string[] = [];
  const onWarning = ({ message }: Error): void => void warnings.push(message);
  process.on('warning', onWarning);
  process.emitWarning('printed on purpose: a test listens for it');
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', onWarning);
  expect(warnings).toEqual(['printed on purpose: a test listens for it']);
});

test('a test that listens for rejections that nobody handles hears them, although they are handled later', async () => {
  const rejections: unknown[] = [];
  const onRejection = (error: unknown): void => void rejections.push(error);
  process.on('unhandledRejection', onRejection);
  const rejected = Promise.reject(new Error('handled late'));
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', onRejection);
  await rejected.catch(() => undefined);
  expect(rejections).toEqual([new Error('handled late')]);
  // Jest is told of that in a later turn.
  await new Promise((resolve) => setImmediate(resolve));
});

test('a test has the AsyncLocalStorage of Node', async () => {
  const local = new AsyncLocalStorage<string>();
  const [one, other] = ['one', 'other'].map((name) =>
    local.run(name, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return local.getStore();
    }),
  );
  expect([await one, await other]).toEqual(['one', 'other']);
});
