import { test } from '@jest/globals';

// Not a test of the project: server-tests.test.ts runs it, to see it fail. Nothing that it imports shows that it starts a server.
test('asks for etcd', async () => {
  const { startEtcd } = await import('@holdfast/testkit');
  await (await startEtcd()).close();
});
