import type { ConfigStore, Op } from '@holdfast/store';
import { KEYS_EACH, PREFIX } from './sizes.js';

/** About 530 bytes of JSON, as a gateway's routes have. */
function valueOf(index: number, version: number): string {
  return JSON.stringify({
    id: index,
    version,
    name: `route-${index}`,
    text: 'the route of a team in a region '.repeat(13),
    priority: index % 10,
  });
}

export const keyOf = (index: number, prefix: string = PREFIX.prefix): string =>
  `${prefix}r${String(index).padStart(7, '0')}`;

/** Writes so many keys in one transaction, and gives its revision. */
export async function putMany(
  store: ConfigStore,
  indexes: readonly number[],
  version: number,
  prefix?: string,
): Promise<number> {
  const then = indexes.map((index): Op => {
    return { type: 'put', key: keyOf(index, prefix), value: valueOf(index, version) };
  });
  return (await store.txn({ then })).revision;
}

/** Writes keys from `from` on, and gives the last revision. */
export async function seed(store: ConfigStore, from: number, until: number): Promise<number> {
  let revision = 0;
  for (let first = from; first < until; first += KEYS_EACH) {
    const length = Math.min(KEYS_EACH, until - first);
    revision = await putMany(
      store,
      Array.from({ length }, (_, offset) => first + offset),
      1,
    );
  }
  return revision;
}

/** The first and the last revision of some transactions. */
export interface Written {
  readonly first: number;
  readonly last: number;
}

/** Transactions that together change distinct keys all over the range. */
export async function rewrite(
  store: ConfigStore,
  keys: number,
  transactions: number,
  version: number,
): Promise<Written> {
  const step = Math.floor(keys / (transactions * KEYS_EACH));
  const revisions: number[] = [];
  for (let each = 0; each < transactions; each += 1) {
    const indexes = Array.from({ length: KEYS_EACH }, (_, offset) => (each * KEYS_EACH + offset) * step);
    revisions.push(await putMany(store, indexes, version));
  }
  return { first: revisions[0] ?? 0, last: revisions.at(-1) ?? 0 };
}
