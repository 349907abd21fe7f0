// Behind a pooler in transaction mode: each transaction may run on another connection of the server.
import { expect, test } from '@jest/globals';
import { eventually, startPostgres } from '@holdfast/testkit';
import { postgresStore } from '@holdfast/postgres';
import type { Logger } from '@holdfast/store';
import { sql, through } from './support/database.js';
import { hasPgbouncer, startPgbouncer } from '../../../checks/torture/src/stores/pgbouncer.js';
import { inBackground } from '../../../.ci/test/support/in-background.js';

// A test that is left out would count as skipped: `npm test` says that there is no pooler.
if (!hasPgbouncer) test('there is no PgBouncer here', () => undefined);
else {
  test('many clients on two connections write, read, lease and watch; what the pooler keeps back is warned of, and nothing of them stays', async () => {
    await using server = await startPostgres();
    await using pooler = await startPgbouncer(server, 2);
    const warnings: string[] = [];
    const logger: Logger = {
      debug: () => undefined,
      info: () => undefined,
      warn: (text) => warnings.push(text),
      error: () => undefined,
    };
    const url = through(server, pooler.port);
    const direct = { connectionString: server.url };
    const stores = [
      ...Array.from({ length: 4 }, () => postgresStore({ connectionString: url, pollMs: 300, logger })),
      postgresStore({ connectionString: url, listen: direct, pollMs: 60_000 }),
    ];
    const [a, b, c, , listening] = stores as [
      (typeof stores)[0],
      (typeof stores)[0],
      (typeof stores)[0],
      (typeof stores)[0],
      (typeof stores)[0],
    ];
    const { bookmark } = await a.list({ prefix: '' });
    const watches = [b, listening].map((store) => store.watch({ prefix: '' }, { after: bookmark }));
    const { id } = await c.leases.grant(60);
    await Promise.all(
      stores.flatMap((store, index) =>
        [1, 2, 3, 4, 5].map((each) => store.put(`${index}/${each}`, 'v', { lease: id })),
      ),
    );
    await c.leases.keepAlive(id);
    await c.leases.revoke(id);
    const { revision } = await a.put('end', '');
    for (const watch of watches) {
      const seen: number[] = [];
      for await (const batch of watch) {
        if (batch.kind === 'events') seen.push(batch.bookmark.revision);
        if (batch.bookmark.revision >= revision) break;
      }
      expect(seen).toEqual(
        Array.from({ length: revision - bookmark.revision }, (_, index) => bookmark.revision + 1 + index),
      );
    }
    const late = b.watch('end');
    await eventually(() => warnings.length > 0);
    expect(warnings[0]).toContain('listen: { connectionString }');
    await late.close();
    // Nothing that a transaction set is left on the connections that others get next.
    expect(await sql(url, 'SELECT count(*)::int AS n FROM pg_prepared_statements')).toEqual([{ n: 0 }]);
    for (const setting of ['lock_timeout', 'idle_in_transaction_session_timeout', 'statement_timeout']) {
      expect(await sql(url, `SHOW ${setting}`)).toEqual([{ [setting]: '0' }]);
    }
    await Promise.all(stores.map((store) => store.close()));
  });

  test('the server is killed behind the pooler: writes are unknown or not applied, and the store is back with it', async () => {
    await using server = await startPostgres({ fsync: true });
    await using pooler = await startPgbouncer(server, 2);
    const store = postgresStore({ connectionString: through(server, pooler.port), listen: false, pollMs: 200 });
    const { identity } = await store.status();
    await store.put('n', '0');
    let acknowledged = 0;
    let unknown = 0;
    await using writing = inBackground(async (isOver) => {
      while (!isOver()) {
        await store.put('n', 'v').then(
          () => (acknowledged += 1),
          (error: { outcome?: string }) => (unknown += error.outcome === 'unknown' ? 1 : 0),
        );
      }
    });
    await eventually(() => acknowledged > 5);
    await server.kill();
    await server.start();
    const before = acknowledged;
    await eventually(() => acknowledged > before + 5);
    await writing.stop();
    const version = (await store.get('n'))!.version!;
    expect(version).toBeGreaterThanOrEqual(acknowledged + 1);
    expect(version).toBeLessThanOrEqual(acknowledged + 1 + unknown);
    expect((await store.status()).identity).toBe(identity);
    await store.close();
  });
}
