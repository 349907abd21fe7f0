// Whatever a role's defaults are: the store's promises don't depend on them.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Pool } from 'pg';
import { availablePostgres, startPostgres, type Postgres } from '@holdfast/testkit';
import { postgresStore } from '@holdfast/postgres';
import { nextSchema, sql } from './support/database.js';

const ROLES: Readonly<Record<string, readonly string[]>> = {
  serializable: ["default_transaction_isolation = 'serializable'"],
  repeatable: ["default_transaction_isolation = 'repeatable read'"],
  odd: [
    "default_transaction_isolation = 'serializable'",
    'default_transaction_deferrable = on',
    "bytea_output = 'escape'",
    'standard_conforming_strings = off',
    "datestyle = 'German'",
    "timezone = 'Asia/Kathmandu'",
    'synchronous_commit = off',
    'lock_timeout = 1',
    'statement_timeout = 5000',
    'search_path = nowhere',
  ],
};

describe.each(availablePostgres())('on PostgreSQL $version', ({ version }) => {
  let server: Postgres;

  beforeAll(async () => {
    server = await startPostgres({ version });
    for (const [role, settings] of Object.entries(ROLES)) {
      await sql(server.url, `CREATE ROLE "${role}" LOGIN; GRANT CREATE ON DATABASE postgres TO "${role}"`);
      for (const setting of settings) await sql(server.url, `ALTER ROLE "${role}" SET ${setting}`);
    }
  });

  afterAll(() => server.close());

  const urlOf = (role: string) => server.url.replace('postgres@', `${role}@`);

  test.each(Object.keys(ROLES))(
    'the role %s: two processes write at once, and a watch sees each revision in order',
    async (role) => {
      const schema = nextSchema();
      const stores = [1, 2, 3].map(() => postgresStore({ connectionString: urlOf(role), schema }));
      const [a, b, watching] = stores as [(typeof stores)[0], (typeof stores)[0], (typeof stores)[0]];
      const { bookmark } = await watching.list({ prefix: '' });
      const watch = watching.watch({ prefix: '' }, { after: bookmark });
      const one = async (store: typeof a, name: string) => {
        for (let index = 0; index < 40; index += 1) {
          await Promise.all([
            store.put(`own/${name}`, String(index)),
            store.txn({
              if: [],
              then: [
                { type: 'put', key: `${name}/${index}`, value: '1' },
                { type: 'put', key: `${name}/last`, value: String(index) },
              ],
            }),
            store.put('shared', name),
          ]);
        }
      };
      await Promise.all([one(a, 'a'), one(b, 'b')]);
      const { revision } = await a.put('end', '');
      const seen: number[] = [];
      for await (const batch of watch) {
        if (batch.kind === 'events') seen.push(batch.bookmark.revision);
        if (batch.bookmark.revision >= revision) break;
      }
      expect(seen).toEqual(
        Array.from({ length: revision - bookmark.revision }, (_, index) => bookmark.revision + 1 + index),
      );
      expect((await b.get('shared'))?.version).toBe(80);
      await Promise.all(stores.map((store) => store.close()));
    },
  );

  test('a role whose transactions are read-only by default reads, and is told why it can not write', async () => {
    const schema = nextSchema();
    const writer = postgresStore({ connectionString: server.url, schema });
    await writer.put('a', '1');
    await sql(
      server.url,
      `CREATE ROLE frozen LOGIN; ALTER ROLE frozen SET default_transaction_read_only = on; GRANT ALL ON SCHEMA ${schema} TO frozen; GRANT ALL ON ALL TABLES IN SCHEMA ${schema} TO frozen`,
    );
    const store = postgresStore({ connectionString: urlOf('frozen'), schema });
    expect((await store.get('a'))?.modRevision).toBe(2);
    await expect(store.put('a', '2')).rejects.toMatchObject({
      code: 'permission-denied',
      outcome: 'not-applied',
      message: expect.stringContaining('default_transaction_read_only') as unknown,
    });
    await Promise.all([store.close(), writer.close()]);
  });

  test('a role that may only select reads and watches, also after a restart that nobody else has seen', async () => {
    const schema = nextSchema();
    const writer = postgresStore({ connectionString: server.url, schema });
    await writer.put('a', '1');
    await writer.close();
    await sql(
      server.url,
      `CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA ${schema} TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO reader`,
    );
    await server.stop();
    await server.start();
    const store = postgresStore({ connectionString: urlOf('reader'), schema });
    if (version.startsWith('13')) expect(await sql(server.url, 'SHOW fsync')).toEqual([{ fsync: 'off' }]);
    await expect(store.put('a', '2')).rejects.toMatchObject({ code: 'permission-denied', outcome: 'not-applied' });
    await store.close();
  });

  test('a pool that was given is used and never ended', async () => {
    const pool = new Pool({ connectionString: server.url, max: 2 });
    const store = postgresStore({ pool, schema: nextSchema() });
    const watch = store.watch('a');
    await watch.ready;
    await Promise.all([1, 2, 3, 4].map((each) => store.put('a', String(each))));
    expect((await store.get('a'))?.version).toBe(4);
    await store.close();
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    expect(pool.totalCount).toBeLessThanOrEqual(2);
    await pool.end();
  });
});
