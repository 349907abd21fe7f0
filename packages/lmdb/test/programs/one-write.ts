import { isStoreError } from '@holdfast/store';
import { lmdbStore } from '@holdfast/lmdb';
import { writeSync } from 'node:fs';

// Makes writes that its arguments name, and says what came of each. `one-write.cjs PATH WHAT...`: `put:KEY`, `big:KEY`, `lease:KEY:TTL`, `delete:KEY`,
// `get:KEY`, `stay`.

const [, , path = '', ...whats] = process.argv;

async function main(): Promise<void> {
  const store = lmdbStore({ path, timeoutMs: 20_000 });
  for (const what of whats) {
    const [action = '', key = '', ttl = '1'] = what.split(':');
    try {
      if (action === 'stay') await new Promise((done) => setTimeout(done, 60_000));
      else if (action === 'get') await store.get(key);
      else if (action === 'delete') await store.delete(key);
      else if (action === 'lease') await store.put(key, 'held', { lease: (await store.leases.grant(Number(ttl))).id });
      else await store.put(key, action === 'big' ? Buffer.alloc(1_000_000, 7) : 'value');
      writeSync(1, `${what} ok\n`);
    } catch (error) {
      if (!isStoreError(error)) throw error;
      writeSync(1, `${what} ${error.code} ${error.outcome ?? '-'} ${error.message}\n`);
    }
  }
  await store.close();
  writeSync(1, 'closed\n');
}

void main();
