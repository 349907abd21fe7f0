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
