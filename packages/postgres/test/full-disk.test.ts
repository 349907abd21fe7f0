// A disk that is really full: a small file system below the table of changes. Only root may mount one.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { startPostgres } from '@holdfast/testkit';
import { postgresStore } from '@holdfast/postgres';
import { sql } from './support/database.js';

const disk = mkdtempSync(join(tmpdir(), 'holdfast-full-disk-'));
const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'none', disk]).status === 0;
if (!isMounted) rmSync(disk, { recursive: true });

// A test that is left out would count as skipped.
if (!isMounted) test('there is no right to mount a small disk here', () => undefined);
else {
  test('a full disk: puts are an outage and not applied, reads and watches go on, and so does everything when there is room', async () => {
    try {
      await using server = await startPostgres();
      const { uid, gid } = statSync(server.dataDir);
      chownSync(disk, uid, gid);
      chmodSync(disk, 0o700);
      const store = postgresStore({ connectionString: server.url });
      await store.put('a', '1');
      await sql(server.url, `CREATE TABLESPACE small LOCATION '${disk}'`);
      await sql(server.url, 'ALTER TABLE holdfast.versions SET TABLESPACE small');
      const { bookmark } = await store.list({ prefix: '' });
      const watch = store.watch({ prefix: '' }, { after: bookmark });
      let written = 0;
      const failure = await (async () => {
        // Nothing of it can be compressed.
        for (;;) {
          await store.put(`large/${written}`, randomBytes(1_000_000));
          written += 1;
        }
      })().catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'unavailable', outcome: 'not-applied' });
      expect(String(failure)).toContain('disk is full');
      expect(written).toBeGreaterThan(3);
      expect((await store.list({ prefix: 'large/' }, { keysOnly: true })).count).toBe(written);
      let told = 0;
      for await (const batch of watch) {
        told += batch.events.length;
        if (told === written) break;
      }
      expect(told).toBe(written);
      // Room is made by the database's administrator.
      await sql(server.url, 'ALTER TABLE holdfast.versions SET TABLESPACE pg_default');
      await store.put('a', '2');
      expect(await store.get('a')).toMatchObject({ version: 2 });
      await store.close();
    } finally {
      spawnSync('umount', ['-l', disk]);
      rmSync(disk, { recursive: true, force: true });
    }
  });
}
