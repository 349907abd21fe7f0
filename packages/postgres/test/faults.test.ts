// What goes wrong at the server, and what the store says of it.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from 'pg';
import { eventually, startPostgres, startProxy, type Postgres } from '@holdfast/testkit';
import { postgresStore, type PostgresStoreOptions } from '@holdfast/postgres';
import type { Logger } from '@holdfast/store';
import { nextSchema, sql, through } from './support/database.js';

let server: Postgres;

beforeAll(async () => {
  server = await startPostgres();
});

afterAll(() => server.close());

const open = (options: Partial<PostgresStoreOptions> = {}) =>
  postgresStore({ connectionString: server.url, schema: nextSchema(), ...options });

/** A session of another application. */
async function session(): Promise<Client> {
  const client = new Client({ connectionString: server.url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

test('processes that open an empty database at once make one store', async () => {
  const schema = nextSchema();
  const stores = Array.from({ length: 12 }, () => open({ schema, maxConnections: 1 }));
  const identities = await Promise.all(stores.map(async (store) => (await store.status()).identity));
  expect(new Set(identities).size).toBe(1);
  await Promise.all(stores.map((store) => store.close()));
});

test('tables of a newer version are refused, and nothing is done to them', async () => {
  const schema = nextSchema();
  const store = open({ schema });
  await store.put('a', '1');
  await store.close();
  await sql(server.url, `UPDATE ${schema}.store SET format = 2`);
  const late = open({ schema });
  await expect(late.put('a', '2')).rejects.toMatchObject({
    code: 'unsupported',
    outcome: 'not-applied',
    message: expect.stringMatching(/format 2.*upgrade/) as unknown,
  });
  await sql(server.url, `UPDATE ${schema}.store SET format = 1`);
  expect((await late.get('a'))?.version).toBe(1);
  await late.close();
});

test('a table that was dropped is an outage, and never an empty store', async () => {
  const schema = nextSchema();
  const store = open({ schema });
  await store.put('a', '1');
  const watch = store.watch('a');
  await watch.ready;
  await sql(server.url, `ALTER TABLE ${schema}.versions RENAME TO away`);
  await expect(store.get('a')).rejects.toMatchObject({ code: 'unavailable', retryable: true });
  await expect(store.put('a', '2')).rejects.toMatchObject({
    code: 'unavailable',
    outcome: 'not-applied',
    message: expect.stringContaining('restore them') as unknown,
  });
  await eventually(() => watch.state.status === 'interrupted');
  // Nor does a process that comes later begin anew.
  const late = open({ schema });
  await expect(late.get('a')).rejects.toMatchObject({ code: 'unavailable' });
  await sql(server.url, `ALTER TABLE ${schema}.away RENAME TO versions`);
  expect((await late.get('a'))?.version).toBe(1);
  await eventually(() => watch.state.status === 'live');
  await Promise.all([store.close(), late.close()]);
});

test('a missing right, a wrong password and a database that is not there are named, without the password', async () => {
  await sql(server.url, `CREATE ROLE nobody LOGIN PASSWORD 'other'`);
  const at = `127.0.0.1:${server.port}`;
  const refused = open({ connectionString: `postgres://nobody:s3cret@${at}/postgres` });
  const missing = open({ connectionString: `postgres://postgres:s3cret@${at}/nowhere` });
  const errors: Error[] = await Promise.all(
    [refused, missing].map((store) =>
      store.put('a', '1').then(
        () => new Error('it worked'),
        (error: Error) => error,
      ),
    ),
  );
  expect(errors[0]).toMatchObject({
    code: 'permission-denied',
    outcome: 'not-applied',
    message: expect.stringContaining('CREATE') as unknown,
  });
  expect(errors[1]).toMatchObject({
    code: 'unavailable',
    outcome: 'not-applied',
    message: expect.stringContaining('create the database') as unknown,
  });
  for (const error of errors) expect(JSON.stringify(error) + String(error.stack)).not.toContain('s3cret');
  for (const url of [
    'postgres://a:s3cret@h:x/y',
    'postgres://a:s3c/ret@h/y',
    'postgres://a:s3cret@h/y?sslmode=prefer',
    'postgres://a:s3cret@h/y/z',
  ]) {
    let said = '';
    try {
      postgresStore({ connectionString: url });
    } catch (error) {
      said = JSON.stringify(error) + String((error as Error).stack).split('\n')[0];
    }
    expect(said).toContain('invalid-argument');
    expect(said).not.toMatch(/s3c/);
  }
  await Promise.all([refused.close(), missing.close()]);
});

test('more connections than the server has are an outage that passes', async () => {
  const first = await session();
  const sessions = [first];
  const store = open();
  // Until all that the server has are these: one that was closed before may be there for a moment longer.
  await eventually(async () => {
    for (;;) {
      const next = await session().catch(() => undefined);
      if (next === undefined) break;
      sessions.push(next);
    }
    const { rows } = await first.query("SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend'");
    return rows.length === sessions.length;
  });
  await expect(store.put('a', '1')).rejects.toMatchObject({
    code: 'unavailable',
    outcome: 'not-applied',
    message: expect.stringContaining('53300') as unknown,
  });
  await Promise.all(sessions.map((each) => each.end()));
  await eventually(() => store.put('a', '1'));
  await store.close();
});

test('a full disk is an outage, and the store goes on when there is room', async () => {
  const schema = nextSchema();
  const store = open({ schema });
  await store.put('a', '1');
  // The server says so of each write to the table.
  await sql(
    server.url,
    `CREATE FUNCTION ${schema}.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$; CREATE TRIGGER t BEFORE INSERT ON ${schema}.versions FOR EACH ROW EXECUTE FUNCTION ${schema}.full()`,
  );
  await expect(store.put('a', '2')).rejects.toMatchObject({
    code: 'unavailable',
    outcome: 'not-applied',
    message: expect.stringContaining('disk is full') as unknown,
  });
  expect((await store.get('a'))?.version).toBe(1);
  await sql(server.url, `DROP TRIGGER t ON ${schema}.versions`);
  await store.put('a', '2');
  await store.close();
});

test('one bad call of a shared transaction fails alone', async () => {
  const schema = nextSchema();
  const store = open({ schema });
  await store.put('first', '1');
  await sql(
    server.url,
    `CREATE FUNCTION ${schema}.bad() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.key = 'bad' THEN RAISE EXCEPTION 'no' USING ERRCODE = '22000'; END IF; RETURN NEW; END $$; CREATE TRIGGER t BEFORE INSERT ON ${schema}.versions FOR EACH ROW EXECUTE FUNCTION ${schema}.bad()`,
  );
  const results = await Promise.allSettled(['a', 'bad', 'b', 'c'].map((key) => store.put(key, '1')));
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  expect((await store.list({ prefix: '' })).count).toBe(4);
  await store.close();
});

test('a serialization failure and a deadlock are ridden out', async () => {
  const schema = nextSchema();
  const store = open({ schema });
  await store.put('first', '1');
  await sql(
    server.url,
    `CREATE SEQUENCE ${schema}.tries; CREATE FUNCTION ${schema}.fails() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE n bigint := nextval('${schema}.tries'); BEGIN IF n = 1 THEN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; ELSIF n = 2 THEN RAISE EXCEPTION 'no' USING ERRCODE = '40P01'; END IF; RETURN NEW; END $$; CREATE TRIGGER t BEFORE INSERT ON ${schema}.versions FOR EACH ROW EXECUTE FUNCTION ${schema}.fails()`,
  );
  expect((await store.put('a', '1')).revision).toBe(3);
  await store.close();
});

test('a process that stands still in a transaction holds others up for seconds, and not for ever', async () => {
  const schema = nextSchema();
  const store = open({ schema });
  await store.put('a', '1');
  const frozen = await session();
  await frozen.query(`BEGIN; LOCK TABLE ${schema}.write_lock IN EXCLUSIVE MODE`);
  await expect(store.put('a', '2', { timeoutMs: 100 })).rejects.toMatchObject({
    code: 'timeout',
    outcome: 'not-applied',
  });
  // What the store's own transactions set for themselves.
  await frozen.query('SET LOCAL idle_in_transaction_session_timeout = 500');
  await store.put('a', '3');
  expect((await store.get('a'))?.version).toBe(2);
  await store.close();
  await frozen.end().catch(() => undefined);
});

test("another application's long transaction delays nothing and hides nothing", async () => {
  const schema = nextSchema();
  const store = open({ schema });
  await store.put('a', '0');
  const other = await session();
  await other.query(
    `BEGIN ISOLATION LEVEL SERIALIZABLE; CREATE TABLE IF NOT EXISTS public.orders (id int); INSERT INTO public.orders VALUES (1); SELECT count(*) FROM ${schema}.versions`,
  );
  const { bookmark } = await store.list({ prefix: '' });
  const watch = store.watch('a', { after: bookmark });
  for (let index = 1; index <= 200; index += 1) await store.put('a', String(index));
  const seen: number[] = [];
  for await (const batch of watch) {
    if (batch.kind === 'events') seen.push(batch.bookmark.revision - bookmark.revision);
    if (seen.length === 200) break;
  }
  expect(seen).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
  await store.compact(bookmark.revision + 100, { physical: true });
  expect((await store.get('a'))?.version).toBe(201);
  await other.query('COMMIT');
  await other.end();
  await store.close();
});

test('a connection that is cut once its commit was sent leaves a write unknown, and one before it not applied', async () => {
  const schema = nextSchema();
  const store = open({ schema });
  await store.put('a', '0');
  const proxy = await startProxy(`http://127.0.0.1:${server.port}`);
  const cut = open({ schema, connectionString: through(server, proxy.port), listen: false });
  await cut.get('a');
  const until = (text: string) =>
    proxy.cutWhen((chunk) => Buffer.from(chunk).includes(text), { direction: 'toServer' });
  const committing = until('COMMIT\0');
  await expect(cut.put('a', '1')).rejects.toMatchObject({ code: 'unavailable', outcome: 'unknown' });
  await committing.happened;
  await eventually(() => cut.get('a'));
  // A put alone commits in its one request. What looks first does so later. Twice: a connection that had been idle gets a second try.
  until('LOCK TABLE');
  const again = cut.put('b', '1', { ifAbsent: true });
  const second = until('LOCK TABLE');
  await expect(again).rejects.toMatchObject({ code: 'unavailable', outcome: 'not-applied' });
  await second.happened;
  expect(await store.get('b')).toBeUndefined();
  await Promise.all([cut.close(), store.close()]);
  await proxy.close();
});

test('notifications that do not come cost time and nothing else, and are warned of once', async () => {
  const warnings: string[] = [];
  const logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (text) => warnings.push(text),
    error: () => undefined,
  };
  const schema = nextSchema();
  const writer = open({ schema });
  await writer.put('a', '0');
  await sql(server.url, 'CREATE DATABASE elsewhere');
  // It listens in a database where nobody notifies.
  const store = open({
    schema,
    logger,
    pollMs: 200,
    listen: { connectionString: server.url.replace(/postgres$/, 'elsewhere') },
  });
  const watch = store.watch('a');
  await watch.ready;
  await writer.put('a', '1');
  await eventually(() => warnings.length > 0);
  // Leaving the loop ends the watch, and with it the connection that listens.
  for await (const batch of watch) if (batch.kind === 'events') break;
  expect(warnings).toEqual([expect.stringContaining('listen: { connectionString }')]);
  await Promise.all([store.close(), writer.close()]);
});

describe('history', () => {
  test('is forgotten by itself, by number and by age, and its rows are gone', async () => {
    const schema = nextSchema();
    const store = open({ schema, history: { revisions: 20, ageMs: 0 } });
    for (let index = 0; index < 60; index += 1) await store.put(`k${index % 3}`, String(index));
    await store.delete('k0');
    await eventually(async () => {
      const [row] = await sql(
        server.url,
        `SELECT compacted::int AS compacted, (SELECT count(*)::int FROM ${schema}.versions) AS rows FROM ${schema}.store`,
      );
      return Number(row?.['compacted']) >= 41 && Number(row?.['rows']) <= 24;
    });
    await expect(store.get('k1', { revision: 30 })).rejects.toMatchObject({ code: 'compacted' });
    expect((await store.list({ prefix: '' })).count).toBe(2);
    expect((await store.put('k0', 'again')).revision).toBe(63);
    await store.close();
  });

  test('of the last moments is kept', async () => {
    const schema = nextSchema();
    const store = open({ schema, history: { revisions: 1, ageMs: 60_000 } });
    const first = await store.put('a', '1');
    for (let index = 0; index < 50; index += 1) await store.put('a', String(index));
    expect((await store.get('a', { revision: first.revision }))?.version).toBe(1);
    await store.close();
  });
});
