// Several processes write, and another application keeps long transactions of its own: a watch misses nothing, and sees revisions in order.
import { expect, test } from '@jest/globals';
import { Client } from 'pg';
import { startPostgres } from '@holdfast/testkit';
import { postgresStore } from '@holdfast/postgres';

test('writers of eight processes beside long transactions: a watch sees each of their writes once, in order', async () => {
  await using server = await startPostgres();
  const open = () => postgresStore({ connectionString: server.url, maxConnections: 2 });
  const watching = open();
  const { bookmark } = await watching.list({ prefix: '' });
  const watch = watching.watch({ prefix: '' }, { after: bookmark });
  const other = new Client({ connectionString: server.url });
  await other.connect();
  await other.query('CREATE TABLE orders (id int); BEGIN; INSERT INTO orders VALUES (1); SELECT pg_current_xact_id()');
  const written = new Map<number, string>();
  const writers = Array.from({ length: 8 }, open);
  const writing = writers.map(async (store, writer) => {
    for (let index = 0; index < 60; index += 1) {
      const key = `${writer % 3}/${index % 7}`;
      const { revision } = await store.put(key, `${writer}:${index}`);
      expect(written.has(revision)).toBe(false);
      written.set(revision, `${key}=${writer}:${index}`);
      if (index % 20 === 0) await other.query(`SAVEPOINT s${writer}; INSERT INTO orders VALUES (${index})`);
    }
  });
  await Promise.all(writing);
  const seen: string[] = [];
  for await (const batch of watch) {
    for (const event of batch.events) {
      if (event.type === 'put')
        seen.push(`${event.revision}: ${event.current.key}=${Buffer.from(event.current.value).toString()}`);
    }
    if (seen.length >= written.size) break;
  }
  const expected = [...written].sort(([a], [b]) => a - b).map(([revision, what]) => `${revision}: ${what}`);
  expect(seen).toEqual(expected);
  await other.query('COMMIT');
  await other.end();
  await Promise.all([watching, ...writers].map((store) => store.close()));
});

test('calls of one process share transactions: 64 writers need few commits', async () => {
  await using server = await startPostgres();
  const store = postgresStore({ connectionString: server.url });
  await store.put('a', '1');
  const client = new Client({ connectionString: server.url });
  await client.connect();
  const commits = async () =>
    Number((await client.query<{ n: string }>('SELECT pg_current_xact_id()::text AS n')).rows[0]?.n);
  const before = await commits();
  await Promise.all(Array.from({ length: 64 }, (_, index) => store.put(`k${index}`, 'v')));
  const needed = (await commits()) - before;
  expect(needed).toBeLessThan(64 / 5);
  expect((await store.list({ prefix: 'k' })).count).toBe(64);
  await client.end();
  await store.close();
});
