// What happens while coordinators go on, and what is found then.
import { expect } from '@jest/globals';
import { eventually, Random, type Proxy } from '@holdfast/testkit';
import { Coordination, type CoordinationOptions } from '../src/coordination/coordination.js';
import type { Ground } from '../src/coordination/ground.js';
import type { Grip } from '../src/coordination/tape.js';

/** What never comes about is waited for so long. */
export const PATIENCE_MS = 2_000;
export const LONG_MS = 120_000;
export const SOON = { timeoutMs: 60_000 };

export type Scenario = (coordination: Coordination, ground: Ground) => Promise<void>;

/** Nothing happens, but what coordinators do. */
export const calm: Scenario = async (coordination) => {
  await eventually(() => coordination.counts.acquisitions >= 12 && coordination.counts.observed >= 12, SOON);
};

/** The network of the store under test falls silent, until somebody else has what its users held. */
export const silence =
  (proxy: Proxy): Scenario =>
  async ({ tape }) => {
    await eventually(() => tape.open.some(isTested), SOON);
    proxy.blackHole();
    try {
      const names = tape.open.filter(isTested).map(({ name }) => name);
      const { length } = tape.grips;
      const isNext = (grip: Grip) => !isTested(grip) && names.includes(grip.name);
      await eventually(() => names.length === 0 || tape.grips.slice(length).some(isNext), SOON);
    } finally {
      await proxy.allow();
    }
  };

export const isTested = ({ owner: { who } }: Grip): boolean => who !== 'competitor';

/** What is found of coordinators that begin on a ground whose truth has not begun. */
export async function findings(
  ground: Ground,
  seed: number,
  options: CoordinationOptions,
  scenario: Scenario,
): Promise<readonly string[]> {
  await ground.truth.begin();
  const coordination = await Coordination.start(ground, new Random(seed), options);
  try {
    await scenario(coordination, ground);
    const { violations, counts } = await coordination.finish(['unavailable', 'timeout', 'history-changed']);
    expect(counts.acquisitions).toBeGreaterThan(0);
    return violations.map(({ guarantee, message }) => `${guarantee}: ${message}`);
  } finally {
    await coordination.stop();
    await ground.truth.quiet();
  }
}
