// Calls of one process share transactions of the database. What one of them does is never lost, or told wrongly, because of the others.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client } from 'pg';
import { eventually, startPostgres, startProxy, type Postgres } from '@holdfast/testkit';
import { postgresStore, type PostgresStoreOptions } from '@holdfast/postgres';
import { nextSchema, sql, through } from './support/database.js';

let server: Postgres;

beforeAll(async () => {
  server = await startPostgres();
});

afterAll(() => server.close());

const open = (options: Partial<PostgresStoreOptions> = {}) =>
  postgresStore({ connectionString: server.url, listen: false, ...options });

/** Begins calls in this order while the store's lock is somebody else's, so that all but the first share a transaction. */
async function inOneTransaction<T extends readonly unknown[]>(
  store: ReturnType<typeof open>,
  schema: string,
  calls: { readonly [K in keyof T]: () => Promise<T[K]> },
): Promise<{ [K in keyof T]: PromiseSettledResult<T[K]> }> {
  const other = new Client({ connectionString: server.url });
  await other.connect();
  await other.query(`BEGIN; LOCK TABLE ${schema}.write_lock IN EXCLUSIVE MODE`);
  const before = store.put('before', '');
  await eventually(() => waitsForLock());
  const begun: Promise<unknown>[] = [];
  for (const call of calls) {
    begun.push(call());
    await new Promise(setImmediate);
  }
  await other.query('COMMIT');
  await other.end();
  await before;
  return (await Promise.allSettled(begun)) as { [K in keyof T]: PromiseSettledResult<T[K]> };
}

async function waitsForLock(): Promise<boolean> {
  const rows = await sql(server.url, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
  return rows.length > 0;
}

test('a lease that was granted, and one that was revoked, beside a call that read a range and changed nothing', async () => {
  const schema = nextSchema();
  const store = open({ schema });
  const { id: old } = await store.leases.grant(60);
  const [granted] = await inOneTransaction(store, schema, [
    () => store.leases.grant(60),
    () => store.leases.revoke(old),
    () => store.delete({ prefix: 'none/' }),
  ]);
  expect(granted).toMatchObject({ status: 'fulfilled' });
  const { id } = (granted as PromiseFulfilledResult<{ id: string }>).value;
  expect(await store.leases.list()).toEqual([id]);
  await store.close();
});

test('a connection that is lost in the commit leaves a grant unknown, and a revocation', async () => {
  const schema = nextSchema();
  const store = open({ schema });
  await store.leases.grant(60, { id: '5' });
  const proxy = await startProxy(`http://127.0.0.1:${server.port}`);
  const cut = open({ schema, connectionString: through(server, proxy.port) });
  await cut.get('a');
  for (const call of [() => cut.leases.grant(60, { id: '7' }), () => cut.leases.revoke('5')]) {
    const lost = proxy.cutWhen((chunk) => Buffer.from(chunk).includes('COMMIT\0'), { direction: 'toServer' });
    await expect(call()).rejects.toMatchObject({ code: 'unavailable', outcome: 'unknown' });
    await lost.happened;
    await eventually(() => cut.get('a'));
  }
  await Promise.all([cut.close(), store.close()]);
  await proxy.close();
});

/** More than any time that is waited for here. */
const SOON = { timeoutMs: 30_000 };

test('a renewal that is under way when its lease expires counts', async () => {
  const schema = nextSchema();
  const store = open({ schema });
  const { id } = await store.leases.grant(60);
  await store.put('kept', '1', { lease: id });
  const renewing = new Client({ connectionString: server.url });
  await renewing.connect();
  // In one request, and of a time that the server may stand still in: it must not expire before.
  await renewing.query(
    `BEGIN; UPDATE ${schema}.leases SET expires_at = clock_timestamp() + interval '4 seconds'; COMMIT;
     BEGIN; UPDATE ${schema}.leases SET expires_at = clock_timestamp() + interval '60 seconds' WHERE expires_at > clock_timestamp()`,
  );
  await eventually(async () => {
    const [row] = await sql(server.url, `SELECT expires_at <= clock_timestamp() AS over FROM ${schema}.leases`);
    return row?.['over'] === true;
  }, SOON);
  const written = store.put('other', '1');
  await eventually(() => waitsForLock());
  await renewing.query('COMMIT');
  await renewing.end();
  await written;
  expect((await store.get('kept'))?.lease).toBe(id);
  expect((await store.leases.timeToLive(id)).ttl).toBeGreaterThan(50);
  await store.close();
});

test('entries come back as they were written: keys that are not UTF-8 or look mangled, no bytes, many bytes, large leases', async () => {
  const schema = nextSchema();
  const store = open({ schema });
  const { id } = await store.leases.grant(60, { id: '9223372036854775807' });
  const values: Record<string, Uint8Array> = {
    'a\u0000b': Uint8Array.of(0, 255, 39, 92),
    'b\uFFFD': new Uint8Array(0),
    '\uFEFFc': new Uint8Array(1_000_000).fill(7),
    'd\u{1F600}': Buffer.from("'; DROP TABLE versions; --"),
    [`e${'x'.repeat(2_047)}`]: Uint8Array.of(1),
  };
  for (const [key, value] of Object.entries(values)) await store.put(key, value, { lease: id });
  const { items } = await store.list({ prefix: '' });
  expect(new Map(items.map(({ key, value }) => [key, Buffer.from(value).toString('hex')]))).toEqual(
    new Map(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('hex')])),
  );
  expect(items.every(({ lease, value }) => lease === id && value.buffer.byteLength === value.length)).toBe(true);
  const txn = await store.txn({ if: [], then: [{ type: 'get', key: 'a\u0000b' }] });
  expect(txn.results[0]).toMatchObject({ type: 'get', item: { key: 'a\u0000b', lease: id } });
  await store.close();
});

test('a put that is alone leaves the same rows by the function of the schema as without it', async () => {
  const rowsOf = async (schema: string) =>
    sql(
      server.url,
      `SELECT key, revision, position, create_revision, version, lease, previous_revision, next_revision, value FROM ${schema}.versions ORDER BY revision, position`,
    );
  const [quick, plain] = [nextSchema(), nextSchema()];
  const revisions: number[][] = [];
  for (const schema of [quick, plain]) {
    const store = open({ schema });
    await store.get('a');
    if (schema === plain) await sql(server.url, `DROP FUNCTION ${schema}.put_2`);
    const { id } = await store.leases.grant(60);
    const puts = [await store.put('a', '1'), await store.put('b', '', { lease: id }), await store.put('a', '2')];
    await store.delete('a');
    puts.push(await store.put('a', '3'), await store.put('b', '4'), await store.put('a', ''));
    revisions.push(puts.map(({ revision }) => revision));
    await store.close();
  }
  expect(revisions[0]).toEqual([2, 3, 4, 6, 7, 8]);
  expect(revisions[1]).toEqual(revisions[0]);
  const rows = await rowsOf(quick);
  expect(rows).toHaveLength(7);
  expect(rows.filter((row) => row['lease'] === null)).toHaveLength(6);
  expect(rows.map(({ lease: _, ...row }) => row)).toEqual((await rowsOf(plain)).map(({ lease: _, ...row }) => row));

  // That it is called at all. cspell:ignore functiondef regproc
  const [definition] = await sql(server.url, `SELECT pg_get_functiondef('${quick}.put_2'::regproc) AS text`);
  await sql(server.url, String(definition?.['text']).replace('BEGIN', "BEGIN RAISE EXCEPTION 'it is called';"));
  const store = open({ schema: quick });
  await expect(store.put('a', '5')).rejects.toMatchObject({
    message: expect.stringContaining('it is called'),
    outcome: 'not-applied',
  });
  await sql(server.url, `DROP FUNCTION ${quick}.put_2`);
  await store.put('a', '5');
  await store.close();
});
