import { test } from '@jest/globals';

// Not a test of the project: server-tests.test.ts runs it and expects it to fail. None of its imports shows that it starts a server.
test('asks for etcd', async () => {
  const { startEtcd } = await import('@holdfast/testkit');
  await (await startEtcd()).close();
});
