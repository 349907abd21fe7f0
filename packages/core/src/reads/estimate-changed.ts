import type { Op } from '@holdfast/store';
import { Slicer } from '@holdfast/store/adapter';
import type { Runtime } from '../runtime/runtime.js';
import { operationsAtOnce } from './read-values.js';

/**
 * Estimates which part of the mirror's keys the store has changed or deleted since, by one small request for a sample from all over the range: those at
 * its beginning may be the ones that change often. Keys that are new to the mirror are not in it.
 *
 * @returns 0 where the store can't be asked for several keys at once
 */
export async function estimateChanged(runtime: Runtime, signal: AbortSignal): Promise<number> {
  const { store, table } = runtime;
  if (store.capabilities.transactions !== 'multi-key') return 0;
  const keys = await sample(runtime, operationsAtOnce(store));
  if (keys.length === 0) return 0;
  const then = keys.map((key): Op => ({ type: 'list', range: { key }, keysOnly: true }));
  const { results } = await runtime.read('the look at a sample of keys', runtime.readTimeoutMs, signal, (deadline) =>
    store.txn({ then }, { signal: deadline.signal }),
  );
  const unchanged = results.filter((result) => {
    const [item] = result.type === 'list' ? result.items : [];
    return item !== undefined && item.modRevision <= table.revision;
  });
  return 1 - unchanged.length / keys.length;
}

/** A random key out of each of so many equal parts of all keys. */
async function sample({ table, settings }: Runtime, parts: number): Promise<readonly string[]> {
  const { clock, random } = settings;
  const slicer = new Slicer(clock);
  const length = Math.max(1, table.count / parts);
  const keys: string[] = [];
  const nextIn = (part: number) => Math.floor((part + random()) * length);
  let next = nextIn(0);
  let index = 0;
  for (const key of table.keys()) {
    if (index === next) {
      keys.push(key);
      next = Math.max(index + 1, nextIn(keys.length));
    }
    index += 1;
    if (slicer.isDue()) await slicer.pause();
  }
  return keys;
}
