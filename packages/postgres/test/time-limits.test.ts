// The time-outs that an administrator sets for a role: writes set their own, and what the server ends anyway is ridden out.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from 'pg';
import {
  availablePostgres,
  eventually,
  startPostgres,
  startProxy,
  virtualClock,
  type Postgres,
} from '@holdfast/testkit';
import { postgresStore } from '@holdfast/postgres';
import { nextSchema, sql, through } from './support/database.js';

/** More than any time that is waited for here. */
const SOON = { timeoutMs: 30_000 };

// `transaction_timeout` is of PostgreSQL 17, `idle_session_timeout` of 14.
describe.each(availablePostgres())('on PostgreSQL $version', ({ version }) => {
  let server: Postgres;
  const series = Number(version.split('.')[0]);

  beforeAll(async () => {
    server = await startPostgres({ version });
  });

  afterAll(() => server.close());

  const roleWith = async (name: string, settings: readonly string[]): Promise<string> => {
    await sql(server.url, `CREATE ROLE "${name}" LOGIN; GRANT CREATE ON DATABASE postgres TO "${name}"`);
    for (const setting of settings) await sql(server.url, `ALTER ROLE "${name}" SET ${setting}`);
    return server.url.replace('postgres@', `${name}@`);
  };

  test('a write that waits longer for the lock than the role allows a transaction, a statement or an idle session is made once', async () => {
    const url = await roleWith('impatient', [
      'idle_in_transaction_session_timeout = 100',
      'statement_timeout = 300',
      'lock_timeout = 100',
      ...(series >= 17 ? ['transaction_timeout = 300'] : []),
    ]);
    const schema = nextSchema();
    const owner = postgresStore({ connectionString: url, schema });
    await owner.put('a', '0');
    await owner.close();
    const holder = new Client({ connectionString: server.url });
    holder.on('error', () => undefined);
    await holder.connect();
    await using proxy = await startProxy(`http://127.0.0.1:${server.port}`);
    const store = postgresStore({ connectionString: through({ url, port: server.port }, proxy.port), schema });
    // A read, which sets no limits, may be ended by those of the role where the machine is slow.
    await eventually(() => store.get('a'));
    await holder.query(`BEGIN; LOCK TABLE ${schema}.write_lock IN EXCLUSIVE MODE`);
    // Between two statements of its transaction, the session is idle for longer than it may be.
    proxy.delay(120, 'toServer');
    const writing = store.put('a', '1');
    writing.catch(() => undefined);
    await eventually(async () => {
      const [row] = await sql(
        server.url,
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = 'impatient' AND wait_event_type = 'Lock' AND clock_timestamp() - xact_start > interval '600 milliseconds'",
      );
      return row?.['n'] === 1;
    });
    await holder.query('COMMIT');
    await holder.end();
    const { revision } = await writing;
    expect(await eventually(() => store.get('a'))).toMatchObject({ version: 2, modRevision: revision });
    await store.close();
  });

  test('sessions that the server ends because they are idle are ridden out, save the one that listens, which asks to stay', async () => {
    if (series < 14) return;
    // Longer than a session that was just begun waits for its first statement, on a machine that stands still.
    const url = await roleWith('idle', ['idle_session_timeout = 4000']);
    const schema = nextSchema();
    // Their time stands still, so that they ask nothing by themselves.
    const clock = virtualClock();
    const [store, writer] = [0, 1].map(() => postgresStore({ connectionString: url, schema, clock })) as [
      ReturnType<typeof postgresStore>,
      ReturnType<typeof postgresStore>,
    ];
    await writer.put('a', '0');
    const watch = store.watch('a');
    const { revision } = await watch.ready;
    const listening = async () => {
      const rows = await sql(
        server.url,
        "SELECT pid FROM pg_stat_activity WHERE usename = 'idle' AND query LIKE 'LISTEN%' AND state = 'idle' AND clock_timestamp() - state_change > interval '5 seconds'",
      );
      return rows.length === 1 ? rows[0]?.['pid'] : false;
    };
    const pid = await eventually(listening, SOON);
    const sessions = () => sql(server.url, "SELECT pid FROM pg_stat_activity WHERE usename = 'idle'");
    await eventually(async () => expect(await sessions()).toEqual([{ pid }]), SOON);
    expect((await writer.put('a', '1')).revision).toBe(revision + 1);
    const batches = watch[Symbol.asyncIterator]();
    await eventually(async () => {
      const next = await batches.next();
      return next.done !== true && next.value.kind === 'events';
    });
    expect(await eventually(listening, SOON)).toBe(pid);
    await Promise.all([store.close(), writer.close()]);
  });
});
