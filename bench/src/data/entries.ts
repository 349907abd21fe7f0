import type { ConfigStore } from '@holdfast/store';
import { keyOf, valueOf } from './dataset.js';

const OPERATIONS = 128;

export function* entriesOf(prefix: string, count: number): Generator<[key: string, value: string]> {
  for (let index = 0; index < count; index += 1) yield [keyOf(prefix, index), valueOf(index)];
}

/** Writes through a store, in as few transactions as its limits allow. */
export async function fillStore(store: ConfigStore, prefix: string, count: number): Promise<void> {
  let then: { readonly type: 'put'; readonly key: string; readonly value: string }[] = [];
  for (const [key, value] of entriesOf(prefix, count)) {
    then.push({ type: 'put', key, value });
    if (then.length < OPERATIONS) continue;
    await store.txn({ then });
    then = [];
  }
  if (then.length > 0) await store.txn({ then });
}
