// Clocks that are set: that of a process decides nothing, and that of the database decides leases, and nothing else.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually, startPostgres, type Postgres } from '@holdfast/testkit';
import { postgresStore, type PostgresStoreOptions } from '@holdfast/postgres';
import type { Clock, ConfigStore } from '@holdfast/store';
import { nextSchema, sql } from './support/database.js';

const HOUR_MS = 3_600_000;
/** Of a lease that ends soon: long enough to write its key on a machine that stands still. */
const SHORT_TTL = 5;
let server: Postgres;
let url = '';

beforeAll(async () => {
  server = await startPostgres();
  // A role for which the database has another clock.
  await sql(
    server.url,
    `CREATE ROLE travels LOGIN; GRANT CREATE ON DATABASE postgres TO travels;
     CREATE SCHEMA clock; GRANT USAGE ON SCHEMA clock TO travels; CREATE TABLE clock.skew (by interval); GRANT SELECT ON clock.skew TO travels;
     CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT pg_catalog.clock_timestamp() + by FROM clock.skew';
     INSERT INTO clock.skew VALUES ('0'); ALTER ROLE travels SET search_path = clock, pg_catalog`,
  );
  url = server.url.replace('postgres@', 'travels@');
});

afterAll(() => server.close());

const setDatabase = (by: string) => sql(server.url, `UPDATE clock.skew SET by = '${by}'`);
const open = (options: Partial<PostgresStoreOptions> = {}) => postgresStore({ connectionString: url, ...options });

/** A process's clock that is set, forward or back, as it runs. */
function settable(): Clock & { setBy(ms: number): void } {
  let by = 0;
  return {
    now: () => Date.now() + by,
    monotonic: () => performance.now(),
    setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
    clearTimeout: (handle) => {
      clearTimeout(handle as NodeJS.Timeout);
    },
    unref: (handle) => {
      (handle as NodeJS.Timeout).unref();
    },
    setBy: (ms) => {
      by += ms;
    },
  };
}

/** A watch goes on: the write after all that was done is told. */
async function expectToFollow(store: ConfigStore, writer: ConfigStore, doing: () => Promise<void>): Promise<void> {
  const { bookmark } = await store.list({ prefix: '' });
  const watch = store.watch('followed', { after: bookmark });
  await doing();
  const { revision } = await writer.put('followed', '1');
  expect(revision).toBeGreaterThan(bookmark.revision);
  for await (const batch of watch) if (batch.kind === 'events' && batch.bookmark.revision === revision) break;
}

test("a process's clock that is set an hour forward or back ends no lease, keeps none, and holds up nothing", async () => {
  const schema = nextSchema();
  const clock = settable();
  const store = open({ schema, clock });
  const writer = open({ schema });
  for (const ms of [HOUR_MS, -2 * HOUR_MS]) {
    await expectToFollow(store, writer, async () => {
      const [long, short] = [await store.leases.grant(60), await store.leases.grant(SHORT_TTL)];
      await store.put('long', '1', { lease: long.id });
      await store.put('short', '1', { lease: short.id });
      clock.setBy(ms);
      await eventually(async () => (await store.get('short')) === undefined);
      expect((await store.leases.timeToLive(long.id)).ttl).toBeGreaterThan(20);
      expect(await store.get('long')).toBeDefined();
    });
  }
  await Promise.all([store.close(), writer.close()]);
});

test('a clock of the database that is set an hour forward ends leases early, and all at one revision each; set back, it keeps them; nothing else depends on it', async () => {
  const schema = nextSchema();
  const store = open({ schema, history: { revisions: 5, ageMs: 60_000 } });
  const writer = open({ schema, history: { revisions: 5, ageMs: 60_000 } });
  const { id } = await store.leases.grant(60);
  await store.put('leased/1', '1', { lease: id });
  await store.put('leased/2', '1', { lease: id });
  const { bookmark } = await store.list({ prefix: '' });
  const watch = store.watch({ prefix: 'leased/' }, { after: bookmark });
  await expectToFollow(store, writer, async () => {
    await setDatabase('1 hour');
    for await (const batch of watch) {
      if (batch.kind !== 'events') continue;
      expect(batch.events.map((event) => event.type)).toEqual(['delete', 'delete']);
      break;
    }
    await expect(store.leases.keepAlive(id)).rejects.toMatchObject({ code: 'lease-not-found' });
  });
  const kept = await store.leases.grant(60);
  await expectToFollow(store, writer, async () => {
    await setDatabase('-1 hour');
    expect((await store.leases.timeToLive(kept.id)).ttl).toBeGreaterThan(3_600);
    // Renewed, it has its own time again.
    await store.leases.keepAlive(kept.id);
    expect((await store.leases.timeToLive(kept.id)).ttl).toBeLessThanOrEqual(60);
    const short = await store.leases.grant(SHORT_TTL);
    await store.put('short', '1', { lease: short.id });
    await eventually(async () => (await store.get('short')) === undefined);
  });
  await setDatabase('0');
  await Promise.all([store.close(), writer.close()]);
});
