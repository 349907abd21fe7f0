import type { ConfigStore } from '@holdfast/store';

/** That many writes of one key each, with the number of the write as value; `lanes` of them are under way at a time. */
export async function burst(
  writer: Pick<ConfigStore, 'put'>,
  count: number,
  key: (index: number) => string,
  value: (index: number) => string = String,
  lanes = 100,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      await writer.put(key(index), value(index));
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, count) }, lane));
}

/** Writes in a transaction, all of different keys: etcd refuses a key that is put twice in one. */
const TOGETHER = 100;

/** The same writes, a hundred at one revision: for what nobody follows write by write. It takes a fraction of the time. */
export async function fill(
  writer: Pick<ConfigStore, 'txn'>,
  count: number,
  key: (index: number) => string,
): Promise<void> {
  for (let from = 0; from < count; from += TOGETHER) {
    const indices = Array.from({ length: Math.min(TOGETHER, count - from) }, (_, offset) => from + offset);
    await writer.txn({ then: indices.map((index) => ({ type: 'put', key: key(index), value: String(index) })) });
  }
}
