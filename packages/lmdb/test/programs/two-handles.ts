import { lmdbStore } from '@holdfast/lmdb';
import { writeSync } from 'node:fs';

// One store of this process writes all the time, while others with other options are opened, write, and are closed. `two-handles.cjs PATH TIMES`.

const [, , path = '', times = '1'] = process.argv;

async function main(): Promise<void> {
  const store = lmdbStore({ path });
  let isOver = false;
  const writing = Array.from({ length: 4 }, async (_, i) => {
    for (let n = 0; !isOver; n++) await store.put(`mine/${i}`, String(n));
  });
  for (let n = 0; n < Number(times); n++) {
    // The quota makes them differ.
    const other = lmdbStore({ path, quotaBytes: 2 ** 30 + n });
    await other.put('theirs', String(n));
    // Not awaited: the next one is opened while this one closes.
    void other.close();
    await store.get('theirs');
  }
  isOver = true;
  await Promise.all(writing);
  const { version } = (await store.get('theirs')) ?? {};
  await store.close();
  writeSync(1, `done ${version}\n`);
}

void main();
