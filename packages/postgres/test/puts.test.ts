// cspell:ignore pronamespace regnamespace ordinality
// Puts by the function in the schema: in as few requests as there can be, with the promises of all other writes.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Client, Pool } from 'pg';
import { systemClock } from '@holdfast/adapter-kit';
import { availablePostgres, eventually, startPostgres, type Postgres } from '@holdfast/testkit';
import { postgresStore, type PostgresStoreOptions } from '@holdfast/postgres';
import { nextSchema, sql } from './support/database.js';
import { firstSchema } from './support/first-schema.js';

/** A pool that notes what is sent. */
class Telling extends Pool {
  readonly sent: string[] = [];

  constructor(connectionString: string) {
    const sent: string[] = [];
    class TellingClient extends Client {
      override query = ((...given: Parameters<Client['query']>) => {
        const [first] = given as readonly unknown[];
        sent.push(typeof first === 'string' ? first : String((first as { text: unknown }).text));
        return Client.prototype.query.apply(this, given);
      }) as Client['query'];
    }
    super({ connectionString, max: 1, Client: TellingClient });
    this.sent = sent;
  }
}

describe.each(availablePostgres())('on PostgreSQL $version', ({ version }) => {
  let server: Postgres;
  const pools: Pool[] = [];

  beforeAll(async () => {
    server = await startPostgres({ version });
  });

  afterEach(async () => {
    for (const pool of pools.splice(0)) await pool.end();
  });

  afterAll(() => server.close());

  /**
   * A store with one connection, which has just been used, and what it sends from now on. On its clock nothing is idle for longer than the test says, however
   * long the machine takes.
   */
  async function opened(options: Partial<PostgresStoreOptions> & { readonly schema: string; readonly url?: string }) {
    const { url = server.url, ...rest } = options;
    const pool = new Telling(url);
    pools.push(pool);
    const clock = { ...systemClock, monotonic: () => 0 };
    const store = postgresStore({ pool, listen: false, history: false, clock, ...rest });
    await store.get('a');
    pool.sent.length = 0;
    return { store, sent: pool.sent };
  }

  const hasFunction = async (schema: string) =>
    (await sql(server.url, `SELECT 1 FROM pg_proc WHERE pronamespace = '${schema}'::regnamespace`)).length === 1;

  async function locked(schema: string): Promise<Client> {
    const other = new Client({ connectionString: server.url });
    await other.connect();
    await other.query(`BEGIN; LOCK TABLE ${schema}.write_lock IN EXCLUSIVE MODE`);
    return other;
  }

  const waitsForLock = async () =>
    (await sql(server.url, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")).length === 1;

  test('a put alone is one request, and so are 64 at once, the same key twice among them', async () => {
    const schema = nextSchema();
    const { store, sent } = await opened({ schema });
    const { revision } = await store.put('a', '0');
    expect(sent).toHaveLength(1);
    const keys = [...Array.from({ length: 63 }, (_, index) => `k${index}`), 'k5'];
    const results = await Promise.all(keys.map((key, index) => store.put(key, String(index))));
    expect(sent).toHaveLength(2);
    expect(results.map((each) => each.revision)).toEqual(keys.map((_, index) => revision + 1 + index));
    const { items } = await store.list({ prefix: 'k' });
    expect(items).toHaveLength(63);
    expect(items.find(({ key }) => key === 'k5')).toMatchObject({
      version: 2,
      createRevision: revision + 6,
      modRevision: revision + 64,
      value: Buffer.from('63'),
    });
    await store.close();
  });

  test('a connection that has been idle is given its commit in a second request: if it is dead, it is certain that nothing was put', async () => {
    let now = 0;
    const clock = { ...systemClock, monotonic: () => now };
    const schema = nextSchema();
    const { store, sent } = await opened({ schema, clock });
    now += 2_000;
    await store.put('a', '1');
    expect(sent.map((text) => text.endsWith('COMMIT'))).toEqual([false, true]);
    await store.put('a', '2');
    expect(sent).toHaveLength(3);
    await store.close();
  });

  test('while others write, a put waits for its turn without a commit: a caller who gives up knows that it was not made', async () => {
    const schema = nextSchema();
    const { store, sent } = await opened({ schema });
    await store.put('a', '0');
    const other = await locked(schema);
    const giving = new AbortController();
    const kept = store.put('kept', '1');
    const given = store.put('given', '1', { signal: giving.signal });
    given.catch(() => undefined);
    await eventually(waitsForLock);
    giving.abort();
    await expect(given).rejects.toMatchObject({ code: 'aborted', outcome: 'not-applied' });
    await other.query('COMMIT');
    await other.end();
    const { revision } = await kept;
    expect(await store.list({ prefix: '' })).toMatchObject({
      items: [{ key: 'a' }, { key: 'kept', modRevision: revision }],
      bookmark: { revision },
    });
    expect(sent.length).toBeGreaterThan(3);
    await store.close();
  });

  test('what ends or weakens a commit is set for it, whatever the role has', async () => {
    const schema = nextSchema();
    const role = `weak_${schema}`;
    await sql(server.url, `CREATE ROLE ${role} LOGIN; GRANT CREATE ON DATABASE postgres TO ${role}`);
    for (const setting of [
      'synchronous_commit = off',
      'statement_timeout = 700',
      "default_transaction_isolation = 'serializable'",
    ]) {
      await sql(server.url, `ALTER ROLE ${role} SET ${setting}`);
    }
    const { store, sent } = await opened({ schema, url: server.url.replace('postgres@', `${role}@`) });
    // It runs in the commit.
    await sql(
      server.url,
      `CREATE TABLE ${schema}.seen (text text); GRANT INSERT ON ${schema}.seen TO ${role};
       CREATE FUNCTION ${schema}.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         INSERT INTO ${schema}.seen SELECT string_agg(current_setting(name), ' ' ORDER BY n) FROM unnest('{synchronous_commit, statement_timeout, transaction_isolation}'::text[]) WITH ORDINALITY u (name, n);
         RETURN NULL; END $$;
       CREATE CONSTRAINT TRIGGER seen AFTER INSERT ON ${schema}.versions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ${schema}.see()`,
    );
    await store.put('a', '1');
    expect(sent).toHaveLength(1);
    expect(await sql(server.url, `SELECT text FROM ${schema}.seen`)).toEqual([{ text: 'on 1min read committed' }]);
    await store.close();
  });

  describe('tables of the first version', () => {
    test('get the function, and keep what they hold', async () => {
      const schema = nextSchema();
      await sql(server.url, firstSchema(schema));
      const stores = await Promise.all([1, 2, 3].map(() => opened({ schema })));
      expect(await hasFunction(schema)).toBe(true);
      const [{ store, sent }] = stores as [(typeof stores)[0], ...typeof stores];
      expect((await store.put('old', '2')).revision).toBe(3);
      expect(sent).toHaveLength(1);
      expect(await store.get('old')).toMatchObject({ version: 2, createRevision: 2 });
      for (const each of stores) await each.store.close();
    });

    test('are used as they are by a role that may not make it, or a store that is told not to migrate', async () => {
      const schema = nextSchema();
      await sql(server.url, firstSchema(schema));
      const role = `user_${schema}`;
      await sql(
        server.url,
        `CREATE ROLE ${role} LOGIN; GRANT USAGE ON SCHEMA ${schema} TO ${role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role}`,
      );
      const url = server.url.replace('postgres@', `${role}@`);
      for (const options of [{ url }, { migrate: false }]) {
        const { store } = await opened({ schema, ...options });
        await Promise.all([store.put('a', '1'), store.put('b', '1')]);
        expect((await store.list({ prefix: '' })).count).toBe(3);
        await store.close();
        expect(await hasFunction(schema)).toBe(false);
      }
      // Once another process has made it, it is there for all.
      const { store: owner } = await opened({ schema });
      await owner.close();
      const { store, sent } = await opened({ schema, url });
      await store.put('a', '2');
      expect(sent).toHaveLength(1);
      await store.close();
    });

    test('are left alone if a newer version has changed them', async () => {
      const schema = nextSchema();
      await sql(server.url, firstSchema(schema));
      await sql(server.url, `UPDATE ${schema}.store SET format = 2`);
      const store = postgresStore({ connectionString: server.url, schema });
      await expect(store.get('a')).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringMatching(/format 2.*upgrade/) as unknown,
      });
      expect(await hasFunction(schema)).toBe(false);
      await store.close();
    });
  });
});
