import type { Random } from '@holdfast/testkit';
import type { Injection } from '../../fault.js';
import type { World } from '../../world.js';
import { linger } from './linger.js';

/** Whether the store under test sees its servers go, or is cut off and finds them changed. */
export type Meeting = 'connected' | 'cut';

export async function meet(world: World, meeting: Meeting): Promise<void> {
  if (meeting === 'cut') await world.disconnect();
}

/** What is left to do: to let the store under test come back, after some more of what it does not see. */
export async function healed(world: World, random: Random, meeting: Meeting): Promise<Pick<Injection, 'heal'>> {
  if (meeting === 'cut') await linger(random, 0, 500);
  return { heal: () => (meeting === 'cut' ? world.connect() : Promise.resolve()) };
}
