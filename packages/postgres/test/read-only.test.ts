// A role that may only read, on a server that nobody has looked at since it started.
import { expect, test } from '@jest/globals';
import { startPostgres } from '@holdfast/testkit';
import { postgresStore } from '@holdfast/postgres';
import { sql } from './support/database.js';

async function restarted(fsync: boolean) {
  const server = await startPostgres({ fsync });
  const writer = postgresStore({ connectionString: server.url });
  await writer.put('a', '1');
  await writer.close();
  await sql(
    server.url,
    `CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA holdfast TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA holdfast TO reader`,
  );
  await server.stop();
  await server.start();
  return server;
}

const get = { if: [], then: [{ type: 'get', key: 'a' }] } as const;

test('it reads, in transactions too', async () => {
  await using server = await restarted(true);
  const store = postgresStore({ connectionString: server.url.replace('postgres@', 'reader@') });
  expect((await store.txn(get)).results).toMatchObject([{ item: { key: 'a' } }]);
  expect((await store.get('a'))?.version).toBe(1);
  await expect(store.leases.grant(5)).rejects.toMatchObject({ code: 'permission-denied' });
  await store.close();
});

test('it is told where it can not know whether writes were lost, and asks no more than it has to', async () => {
  await using server = await restarted(false);
  const store = postgresStore({ connectionString: server.url.replace('postgres@', 'reader@') });
  for (const call of [() => store.txn(get, { timeoutMs: 20_000 }), () => store.get('a')]) {
    await expect(call()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('a role that may write') as unknown,
    });
  }
  await store.close();
});
