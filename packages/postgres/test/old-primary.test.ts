// A failover while a write is under way, and the old primary that comes back beside the new one.
import { expect, test } from '@jest/globals';
import { Client } from 'pg';
import { eventually, startPostgres } from '@holdfast/testkit';
import { postgresStore } from '@holdfast/postgres';
import { isStoreError } from '@holdfast/store';
import { sql } from './support/database.js';

test('a failover in mid-transaction applies its write once or not at all; an old primary that comes back is another history', async () => {
  await using old = await startPostgres({ fsync: true });
  const first = postgresStore({ connectionString: old.url });
  await first.put('a', 'before');
  await first.close();
  await using fresh = await old.standby({ follows: false });
  const connectionString = `postgres://postgres@127.0.0.1:${old.port},127.0.0.1:${fresh.port}/postgres`;
  const store = postgresStore({ connectionString, pollMs: 200, timeouts: { connectMs: 20_000 } });
  await eventually(() => store.put('lost', '1'));
  const { bookmark: ofOld } = await store.list({ prefix: '' });

  // The write has begun its transaction, and waits for the lock.
  const holder = new Client({ connectionString: old.url });
  holder.on('error', () => undefined);
  await holder.connect();
  await holder.query('BEGIN; LOCK TABLE holdfast.write_lock IN EXCLUSIVE MODE');
  const writing = store.put('caught', '1').catch((error: unknown) => error);
  await eventually(async () => {
    const rows = await sql(old.url, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
    return rows.length === 1;
  });
  await old.kill();
  await fresh.promote();
  const result = await writing;
  const caught = await eventually(() => store.get('caught'));
  if (isStoreError(result)) expect([result.outcome, caught]).toEqual(['not-applied', undefined]);
  else expect(caught?.version).toBe(1);
  expect(await store.get('lost')).toBeUndefined();

  const { bookmark } = await store.list({ prefix: '' });
  expect(bookmark.identity).not.toBe(ofOld.identity);
  await old.start();
  // Whoever uses the new one stays there.
  const { revision } = await store.put('new', '1');
  expect(revision).toBe(bookmark.revision + 1);
  // A process that comes to the old one, which nobody has fenced, is never given its state as that of the new one.
  const astray = postgresStore({ connectionString: old.url, pollMs: 200 });
  const watch = astray.watch({ prefix: '' }, { after: bookmark });
  await expect(watch[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'history-changed' });
  await expect(astray.list({ prefix: '' }, { revision })).rejects.toMatchObject({ code: 'future-revision' });
  await Promise.all([store.close(), astray.close()]);
});
