import { lmdbStore } from '@holdfast/lmdb';
import { writeSync } from 'node:fs';

// Writes two keys in a transaction, again and again, and says which were acknowledged. `writer.cjs PATH ID SYNC WRITERS [COUNT]`.

const [, , path = '', id = '', sync = 'always', writers = '1', count = 'Infinity'] = process.argv;
const store = lmdbStore({ path, sync: sync === 'batched' ? 'batched' : 'always' });

async function write(writer: string): Promise<void> {
  const keys = [`a/${writer}`, `b/${writer}`] as const;
  const before = await store.get(keys[0]);
  let n = Number.parseInt(Buffer.from(before?.value ?? []).toString() || '0', 10);
  for (let i = 0; i < Number(count); i++) {
    n += 1;
    const value = `${n} of ${writer};`.padEnd(200);
    const { revision } = await store.txn({ then: keys.map((key) => ({ type: 'put', key, value })) });
    // At once: what is said must not wait in a buffer when the process is killed.
    writeSync(1, `acked ${writer} ${n} ${revision}\n`);
  }
}

async function main(): Promise<void> {
  await Promise.all(Array.from({ length: Number(writers) }, async (_, i) => write(`${id}-${i}`)));
  await store.close();
}

void main();
