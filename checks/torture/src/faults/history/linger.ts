import type { Random } from '@holdfast/testkit';

/** Waits for a random time, in milliseconds, while a fault lasts. */
export async function linger(random: Random, low: number, high: number): Promise<number> {
  const ms = random.between(low, high);
  await new Promise((resolve) => setTimeout(resolve, ms));
  return ms;
}
