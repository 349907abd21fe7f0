import { memoryStore } from '@holdfast/memory';
import { heapUsed } from './heap.js';

export interface CompactedValuesInput {
  readonly writes: number;
  readonly valueBytes: number;
}

/** What a memory store holds after compaction of what it was given, in bytes. */
export async function run({ writes, valueBytes }: CompactedValuesInput): Promise<{ before: number; after: number }> {
  const store = memoryStore();
  const empty = await heapUsed();
  let revision = 0;
  for (let n = 0; n < writes; n++) ({ revision } = await store.put('/a', String(n).padEnd(valueBytes, '-')));
  const before = (await heapUsed()) - empty;
  await store.compact(revision);
  const after = (await heapUsed()) - empty;
  await store.close();
  return { before, after };
}
