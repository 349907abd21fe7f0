// A process that opens the file tells all others which commit is the newest, as it has read it a moment before. Of a commit in between, nobody
// would know any more, and the next one would replace it. The moment is short, and long on a busy machine: here a process does that part alone.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { lmdbStore } from '@holdfast/lmdb';
import { eventually } from '@holdfast/testkit';

/** In the file of locks, the number of the newest commit is at byte 8. Another process writes it: closing the file would end the locks of this one. */
const HIDE = `const fs = require('node:fs');
const file = fs.openSync(process.argv[1], 'r+');
const number = Buffer.alloc(8);
fs.readSync(file, number, 0, 8, 8);
number.writeBigUInt64LE(number.readBigUInt64LE() - 1n);
fs.writeSync(file, number, 0, 8, 8);`;

test.each(['always', 'batched'] as const)(
  'a commit that another process has hidden as it opened the file is not lost, and ends no watch (%s)',
  async (sync) => {
    const path = mkdtempSync(join(tmpdir(), 'holdfast-lmdb-'));
    const store = lmdbStore({ path, sync, pollMs: 20 });
    const hide = () => execFileSync(process.execPath, ['-e', HIDE, join(path, 'lock.mdb')]);
    try {
      await store.put('first', '1');
      await using watch = store.watch({ prefix: '' });
      await watch.ready;
      const seen: string[] = [];
      const reading = (async () => {
        for await (const { events } of watch)
          for (const event of events) if (event.type === 'put') seen.push(event.current.key);
      })();
      const { revision } = await store.put('hidden', '1');
      await eventually(() => seen.length === 1);
      hide();
      expect((await store.put('next', '1')).revision).toBe(revision + 1);
      expect((await store.list({ prefix: '' })).items.map(({ key }) => key)).toEqual(['first', 'hidden', 'next']);
      await eventually(() => seen.length === 2);
      hide();
      // Nobody writes: the watch itself notices.
      await eventually(async () => (await store.status()).revision === revision + 1);
      await store.put('last', '1');
      await eventually(() => seen.length === 3);
      expect(seen).toEqual(['hidden', 'next', 'last']);
      await watch.close();
      await reading;
    } finally {
      await store.close();
      rmSync(path, { recursive: true, force: true });
    }
  },
);
