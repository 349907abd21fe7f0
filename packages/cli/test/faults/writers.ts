import type { ConfigStore } from '@holdfast/store';

/** How many writes are under way at a time. */
const LANES = 100;

/** That many writes of one key each, with the number of the write as value. */
export async function burst(
  writer: Pick<ConfigStore, 'put'>,
  count: number,
  key: (index: number) => string,
  value: (index: number) => string = String,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      await writer.put(key(index), value(index));
    }
  };
  await Promise.all(Array.from({ length: Math.min(LANES, count) }, lane));
}
