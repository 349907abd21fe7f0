// How the store gets its connections, and lets go of them.
import { chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client, Pool } from 'pg';
import type { ConfigStore } from '@holdfast/store';
import { certificateAuthority, eventually, startPostgres, startProxy, type Postgres } from '@holdfast/testkit';
import { openStore } from '@holdfast/store';
import { postgres, postgresStore, type PostgresStoreOptions } from '@holdfast/postgres';
import { nextSchema, sql, through } from './support/database.js';

let server: Postgres;
let standby: Postgres;

beforeAll(async () => {
  server = await startPostgres();
  standby = await server.standby();
});

afterAll(() => Promise.all([server.close(), standby.close()]));

const open = (options: Partial<PostgresStoreOptions> = {}) =>
  postgresStore({ connectionString: server.url, ...options });

async function listeners(): Promise<unknown> {
  const [row] = await sql(server.url, "SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
  return row?.['n'];
}

test('the password of the connection string, or of the option, is what a server that asks for one is told', async () => {
  await sql(server.url, `CREATE ROLE guarded LOGIN PASSWORD 's3cret'`);
  await sql(server.url, 'GRANT CREATE ON DATABASE postgres TO guarded');
  const file = join(server.dataDir, 'pg_hba.conf');
  writeFileSync(file, `host all guarded 127.0.0.1/32 scram-sha-256\n${readFileSync(file, 'utf8')}`);
  await sql(server.url, 'SELECT pg_reload_conf()');
  const at = `127.0.0.1:${server.port}/postgres`;
  await eventually(() =>
    sql(`postgres://guarded@${at}`, 'SELECT 1').then(
      () => false,
      () => true,
    ),
  );
  const schema = nextSchema();
  for (const options of [
    { connectionString: `postgres://guarded:s3cret@${at}` },
    { connectionString: `postgres://guarded@${at}`, password: () => Promise.resolve('s3cret') },
  ]) {
    const store = open({ ...options, schema });
    const watch = store.watch('a');
    await watch.ready;
    await store.put('a', '1');
    await eventually(async () => (await listeners()) === 1);
    await store.close();
    await eventually(async () => (await listeners()) === 0);
  }
  const wrong = open({ connectionString: `postgres://guarded:wr0ng@${at}`, schema });
  const error = await wrong.put('a', '2').catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 'unauthenticated', outcome: 'not-applied' });
  expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain('wr0ng');
  await wrong.close();
});

test('of several hosts the primary is used, wherever it stands in the list, and a caller who gives up changes nothing', async () => {
  const schema = nextSchema();
  const both = `postgres://postgres@127.0.0.1:${standby.port},127.0.0.1:${server.port}/postgres`;
  const store = open({ connectionString: both, schema, maxConnections: 2 });
  await store.put('a', '1');
  const watch = store.watch('a');
  await watch.ready;
  await eventually(async () => (await listeners()) === 1);
  for (let index = 0; index < 5; index += 1) {
    const giveUp = new AbortController();
    const calls = [store.put('b', '', { signal: giveUp.signal }), store.get('a', { signal: giveUp.signal })];
    giveUp.abort();
    await Promise.allSettled(calls);
    expect((await store.get('a'))?.version).toBe(index + 1);
    await store.put('a', '2');
  }
  await store.close();
});

test('a standby alone is an outage for whoever writes, too: it may be the primary in a moment', async () => {
  const schema = nextSchema();
  const primary = open({ schema });
  await primary.put('a', '1');
  await primary.close();
  const store = open({ connectionString: standby.url, schema });
  await eventually(() => sql(standby.url, `SELECT 1 FROM ${schema}.versions`));
  const calls = [() => store.put('a', '2'), () => store.leases.grant(60), () => store.compact(2)];
  for (const call of calls) {
    await expect(call()).rejects.toMatchObject({
      code: 'unavailable',
      retryable: true,
      message: expect.stringContaining('standby') as unknown,
    });
  }
  await store.close();
});

test('the name in the certificate is the one that was given, also where the host is a name', async () => {
  const authority = certificateAuthority();
  const { cert, key } = authority.issue('db', ['db.internal']);
  const { uid, gid } = statSync(server.dataDir);
  for (const [name, text] of Object.entries({ 'server.crt': cert, 'server.key': key })) {
    const file = join(server.dataDir, name);
    writeFileSync(file, text, { mode: 0o600 });
    chownSync(file, uid, gid);
  }
  await sql(server.url, 'ALTER SYSTEM SET ssl = on');
  await sql(server.url, 'SELECT pg_reload_conf()');
  const schema = nextSchema();
  const connectionString = `postgres://postgres@localhost:${server.port}/postgres`;
  const secure = open({ connectionString, schema, tls: { ca: authority.cert, serverName: 'db.internal' } });
  await eventually(() => secure.put('a', '1'));
  const [row] = await sql(
    server.url,
    "SELECT count(*)::int AS n FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name = 'holdfast'",
  );
  expect(row?.['n']).toBeGreaterThan(0);
  for (const tls of [{ ca: authority.cert }, { ca: authority.cert, serverName: 'other.internal' }]) {
    const refused = open({ connectionString, schema, tls });
    await expect(refused.get('a')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('altnames') as unknown,
    });
    await refused.close();
  }
  await secure.close();
});

test('a URL names a file with the password and one with the authority, and the password is read anew for each connection', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-postgres-files-'));
  const authority = certificateAuthority();
  const { cert, key } = authority.issue('localhost', ['localhost']);
  const { uid, gid } = statSync(server.dataDir);
  for (const [name, text] of Object.entries({ 'server.crt': cert, 'server.key': key })) {
    writeFileSync(join(server.dataDir, name), text, { mode: 0o600 });
    chownSync(join(server.dataDir, name), uid, gid);
  }
  await sql(server.url, `CREATE ROLE secret LOGIN PASSWORD 'one'; GRANT CREATE ON DATABASE postgres TO secret`);
  const hba = join(server.dataDir, 'pg_hba.conf');
  writeFileSync(hba, `hostssl all secret all scram-sha-256\nhost all secret all reject\n${readFileSync(hba, 'utf8')}`);
  await sql(server.url, 'ALTER SYSTEM SET ssl = on');
  await sql(server.url, 'SELECT pg_reload_conf()');
  const [ca, passwordFile] = [join(folder, 'ca.pem'), join(folder, 'password')];
  writeFileSync(ca, authority.cert);
  writeFileSync(passwordFile, 'one\n');
  const url = (params: Record<string, string>) =>
    `postgres://secret@localhost:${server.port}/postgres?${new URLSearchParams({ schema: 'by_url', ...params }).toString()}`;
  const store = await openStore(url({ sslmode: 'verify-full', ca, passwordFile }), { adapters: [postgres] });
  await eventually(() => store.put('a', '1'));
  await sql(server.url, `ALTER ROLE secret PASSWORD 'two'`);
  writeFileSync(passwordFile, 'two');
  await sql(server.url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'secret'");
  await eventually(async () => (await store.get('a'))?.version === 1);
  await store.close();
  const plain = await openStore(url({ passwordFile }), { adapters: [postgres] });
  await expect(plain.get('a')).rejects.toMatchObject({ code: expect.stringMatching(/un/) as unknown });
  await plain.close();
  const lost = await openStore(url({ sslmode: 'verify-full', ca, passwordFile: join(folder, 'none') }), {
    adapters: [postgres],
  });
  await expect(lost.get('a')).rejects.toMatchObject({ message: expect.stringContaining('passwordFile') as unknown });
  await lost.close();
  rmSync(folder, { recursive: true });
});

test('close() waits for no server that does not answer, and gives the connections of a pool back', async () => {
  const proxy = await startProxy(`http://127.0.0.1:${server.port}`);
  const pool = new Pool({ connectionString: through(server, proxy.port) });
  const store = postgresStore({ pool, schema: nextSchema(), timeouts: { requestMs: 600_000 } });
  await store.put('a', '1');
  // What the store asks by itself, when it looks after its history.
  let asked = false;
  proxy.cutWhen(
    (chunk) => {
      if (Buffer.from(chunk).includes('.marks')) {
        asked = true;
        queueMicrotask(() => {
          proxy.stall('toClient');
        });
      }
      return false;
    },
    { direction: 'toServer' },
  );
  await eventually(() => asked);
  const reading = store.get('a');
  const writing = store.put('a', '2');
  const settled = Promise.allSettled([reading, writing]);
  let isClosed = false;
  const closing = store.close().then(() => (isClosed = true));
  await eventually(() => isClosed);
  await closing;
  expect((await settled).map((each) => (each as PromiseRejectedResult).reason as unknown)).toMatchObject([
    { code: 'closed' },
    { code: 'closed' },
  ]);
  await pool.end();
  expect(pool.totalCount).toBe(0);
  await proxy.close();
});

test('more reads at once than connections wait for each other, and a pool that stays busy is named', async () => {
  const schema = nextSchema();
  // A slow machine takes its time for 50 reads.
  const patient = new Pool({ connectionString: server.url, max: 1 });
  const waiting = postgresStore({ pool: patient, schema, listen: false });
  await waiting.put('a', '1');
  await Promise.all(Array.from({ length: 50 }, () => waiting.get('a')));
  await waiting.close();
  await patient.end();

  const pool = new Pool({ connectionString: server.url, max: 1 });
  const store = postgresStore({ pool, schema, listen: false });
  const taken = await pool.connect();
  // For whoever comes now: the one that was taken took its time.
  pool.options.connectionTimeoutMillis = 200;
  await expect(store.get('a')).rejects.toMatchObject({
    code: 'unavailable',
    retryable: true,
    message: expect.stringContaining('no connection became free') as unknown,
  });
  taken.release();
  await store.close();
  await pool.end();
});

test('a scan reads the same by COPY, with a client that has none, and where something on the way makes other queries of ours', async () => {
  const schema = nextSchema();
  const writer = open({ schema });
  // More than a page, values of nothing and of more than the socket gives at once, and keys that are not ASCII.
  const values = Array.from({ length: 700 }, (_, index) => ['', 'x'.repeat(300_000), `€ ${index}`][index % 350] ?? '-');
  for (let from = 0; from < values.length; from += 100) {
    const part = values.slice(from, from + 100);
    await writer.txn({ then: part.map((value, at) => ({ type: 'put', key: `/ä/${1_000 + from + at}`, value })) });
  }
  await sql(
    server.url,
    `INSERT INTO ${schema}.versions SELECT '\\xff2f'::bytea, revision, 9999, revision, 1, NULL, NULL, NULL, '' FROM ${schema}.versions ORDER BY revision DESC LIMIT 1`,
  );
  const read = async (store: ConfigStore, keysOnly: boolean) => {
    const read: unknown[] = [];
    for await (const page of store.scan({ prefix: '' }, { keysOnly })) {
      for (let at = 0; at < page.length; at += 1) {
        const value = Buffer.from(page.value(at)).toString();
        read.push([page.key(at), value, page.modRevision(at), page.createRevision(at), page.version(at)]);
      }
      read.push(...page.undecodable);
    }
    return read;
  };
  class Plain extends Client {
    // As that of pg-native, which hands on nothing that a COPY sends.
    static Query = class {};
  }
  class Rewriting extends Client {
    // As tools that add a comment to each query.
    override query(...given: never[]): never {
      const [config] = given as readonly unknown[];
      const rewritten = typeof config === 'object' ? { ...config } : config;
      return (super.query as (config: unknown) => never)(rewritten);
    }
  }
  const expected = await read(writer, false);
  expect(expected).toHaveLength(701);
  expect(expected.slice(0, 3)).toEqual(values.slice(0, 3).map((value, at) => [`/ä/${1_000 + at}`, value, 2, 2, 1]));
  for (const Kind of [Plain, Rewriting]) {
    const pool = new Pool({ connectionString: server.url, Client: Kind });
    const store = postgresStore({ pool, schema, listen: false });
    expect(isDeepStrictEqual(await read(store, false), expected)).toBe(true);
    expect(isDeepStrictEqual(await read(store, true), await read(writer, true))).toBe(true);
    await store.close();
    await pool.end();
  }
  await writer.close();
});
