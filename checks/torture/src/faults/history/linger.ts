import type { Random } from '@holdfast/testkit';

/** Lets things be for a random while, in milliseconds: for as long as a fault is to last. */
export async function linger(random: Random, low: number, high: number): Promise<number> {
  const ms = random.between(low, high);
  await new Promise((resolve) => setTimeout(resolve, ms));
  return ms;
}
