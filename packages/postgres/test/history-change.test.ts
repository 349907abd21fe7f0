// What becomes of the history when the server restarts, crashes, is restored, or another one takes its place.
import { afterEach, describe, expect, test } from '@jest/globals';
import { availablePostgres, eventually, startPostgres, type Postgres } from '@holdfast/testkit';
import { postgresStore, type PostgresStoreOptions } from '@holdfast/postgres';
import type { ConfigStore, StoreError } from '@holdfast/store';
import { sql } from './support/database.js';

const owned: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of owned.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

function own<T extends AsyncDisposable>(each: T): T {
  owned.push(each);
  return each;
}

const open = (url: string, options: Partial<PostgresStoreOptions> = {}): ConfigStore =>
  own(postgresStore({ connectionString: url, pollMs: 200, ...options }));

async function back(store: ConfigStore) {
  return eventually(() => store.status());
}

describe.each(availablePostgres())('on PostgreSQL $version', ({ version }) => {
  const start = async (): Promise<Postgres> => own(await startPostgres({ version, fsync: true }));

  test('a restart, a crash and a kill keep the history, and each lease gets its full time again', async () => {
    const server = await start();
    const store = open(server.url);
    const watching = open(server.url);
    const { id } = await store.leases.grant(60);
    const { revision } = await store.put('a', '1', { lease: id });
    const { identity } = await store.status();
    const watch = watching.watch('a', { after: { revision, identity: identity } });
    const restarts = [
      async () => {
        await server.stop();
        await server.start();
      },
      async () => {
        await server.kill();
        await server.start();
      },
      async () => {
        // One process of the server is killed: it ends all connections and recovers, without being started anew.
        const pid = await eventually(async () => {
          const [row] = await sql(server.url, "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
          return (row?.['pid'] as number | undefined) ?? false;
        });
        server.crash(Number(pid));
        await eventually(async () => (await sql(server.url, 'SELECT 1')).length === 1);
      },
    ];
    for (const restart of restarts) {
      await sql(server.url, "UPDATE holdfast.leases SET expires_at = clock_timestamp() + interval '30 seconds'");
      await restart();
      await eventually(async () => (await store.leases.timeToLive(id)).ttl > 50);
      expect((await store.status()).identity).toBe(identity);
    }
    const put = await store.put('a', '2');
    for await (const batch of watch) {
      if (batch.kind !== 'events') continue;
      expect(batch.events.map((event) => event.revision)).toEqual([put.revision]);
      break;
    }
  });

  test('a standby that lacks acknowledged commits is promoted: another history, far above the old one, before anything is served', async () => {
    const server = await start();
    const store = open(server.url);
    await store.put('a', 'before');
    const { id } = await store.leases.grant(60);
    // It does not follow: what is written from now on, it never sees.
    const standby = own(await server.standby({ follows: false }));
    await back(store);
    const lost = await eventually(() => store.put('a', 'lost'));
    const { bookmark } = await store.list({ prefix: '' });
    await server.kill();

    const both = `postgres://postgres@127.0.0.1:${server.port},127.0.0.1:${standby.port}/postgres`;
    const after = open(both);
    // A standby serves nothing: it may be behind.
    await expect(after.get('a')).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    await sqlLeases(server, standby);
    await standby.promote();
    expect(Buffer.from((await eventually(() => after.get('a')))!.value).toString()).toBe('before');
    const status = await after.status();
    expect(status.identity).not.toBe(bookmark.identity);
    expect(status.revision).toBeGreaterThanOrEqual(lost.revision + 2 ** 32 - 1);
    const watch = after.watch({ prefix: '' }, { after: bookmark });
    await expect(watch[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'history-changed' });
    expect((await after.leases.timeToLive(id)).ttl).toBeGreaterThan(50);
    const { revision } = await after.put('a', 'after');
    expect(revision).toBe(status.revision + 1);
  });

  test('tables that were restored from a dump have another history', async () => {
    const server = await start();
    const store = open(server.url);
    await store.put('a', '1');
    const { identity, revision } = await store.status();
    // What a restored dump comes to: the same rows, in new tables.
    await sql(
      server.url,
      `ALTER SCHEMA holdfast RENAME TO dumped; CREATE SCHEMA holdfast;
       ${['store', 'checked', 'versions', 'leases', 'marks', 'write_lock'].map((table) => `CREATE ${table === 'checked' ? 'UNLOGGED' : ''} TABLE holdfast.${table} (LIKE dumped.${table} INCLUDING ALL); INSERT INTO holdfast.${table} SELECT ${table === 'write_lock' ? '' : '*'} FROM dumped.${table};`).join('\n')}
       DROP SCHEMA dumped CASCADE`,
    );
    expect(Buffer.from((await store.get('a'))!.value).toString()).toBe('1');
    const now = await store.status();
    expect(now.identity).not.toBe(identity);
    expect(now.revision).toBeGreaterThan(revision + 2 ** 32 - 1);
  });

  test('tables that are being restored, and have no rows yet, are an outage', async () => {
    const server = await start();
    const store = open(server.url);
    await store.put('a', '1');
    const { id } = await store.leases.grant(60);
    const { revision } = await store.status();
    await sql(server.url, 'CREATE TABLE dump AS TABLE holdfast.store; DELETE FROM holdfast.store');
    const calls = {
      get: () => store.get('a'),
      reads: () => store.txn({ then: [{ type: 'get', key: 'a' }] }),
      put: () => store.put('a', '2'),
      writes: () => store.txn({ then: [{ type: 'put', key: 'a', value: '2' }] }),
      keepAlive: () => store.leases.keepAlive(id),
      compact: () => store.compact(revision),
    };
    for (const [name, call] of Object.entries(calls)) {
      const { code, retryable, message } = await call().then(
        () => ({ code: 'done', retryable: false, message: '' }),
        (error: unknown) => error as StoreError,
      );
      expect([name, code, retryable]).toEqual([name, 'unavailable', true]);
      expect(message).toMatch('restore');
    }
    await sql(server.url, 'INSERT INTO holdfast.store TABLE dump');
    expect(Buffer.from((await store.get('a'))!.value).toString()).toBe('1');
    expect((await store.leases.keepAlive(id)).ttl).toBe(60);
  });

  test('without fsync, a crash changes the history: acknowledged writes may be gone', async () => {
    const server = own(await startPostgres({ version }));
    const store = open(server.url);
    await store.put('a', '1');
    const { identity } = await store.status();
    await server.stop();
    await server.start();
    expect((await back(store)).identity).toBe(identity);
    await server.kill();
    await server.start();
    expect((await back(store)).identity).not.toBe(identity);
  });
});

/** Nothing of the primary may come into play any more. */
async function sqlLeases(server: Postgres, standby: Postgres): Promise<void> {
  expect(server.pid).toBeUndefined();
  expect(await sql(standby.url, 'SELECT pg_is_in_recovery() AS standby')).toEqual([{ standby: true }]);
}
