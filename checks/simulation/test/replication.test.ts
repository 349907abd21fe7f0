import { describeViolations } from '@holdfast/testkit';
import { describe, expect, test } from '@jest/globals';
import { sample } from '../../../.ci/test/support/sample.js';
import { runReplicationCampaign } from '../src/replication/campaign.js';
import { generateReplication } from '../src/replication/generate.js';
import { replicationRegressions } from '../src/replication/regressions.js';
import { shrinkReplication } from '../src/replication/shrink.js';
import { runReplication } from '../src/replication/world.js';
import { withFinalOutages } from './support/broken.js';

const FIRST_SEED = 1;
// A fifth of the worlds of mirrors: npm run test:fast asks for fewer, npm run simulate for thousands.
const SEEDS = Math.ceil(Number(process.env['HOLDFAST_WORLDS'] ?? 120) / 5);

describe('no world breaks a promise of replication', () => {
  test(`${SEEDS} worlds from seed ${FIRST_SEED} on`, async () => {
    const { failures, stats, faults, seeds } = await runReplicationCampaign({
      first: FIRST_SEED,
      seeds: SEEDS,
      onSeed: (_, failure) => failure === undefined,
    });
    const messages = failures.map(
      ({ seed, violations }) =>
        `npm run simulate -- --replication --seeds 1 --seed ${seed}\n${describeViolations(violations)}`,
    );
    expect(messages).toEqual([]);
    expect(seeds).toBe(SEEDS);
    // The worlds are worlds: things happened in them, and somebody looked.
    expect(stats.started).toBeGreaterThan(SEEDS * 2);
    expect(stats.compared).toBeGreaterThan(SEEDS * 5);
    expect(Object.keys(faults).length).toBeGreaterThan(10);
  });

  test.each(sample(replicationRegressions))('seed $seed: $what', async ({ seed }) => {
    const { violations } = await runReplication(generateReplication(seed));
    expect(describeViolations(violations)).toBe('');
  });
});

describe('a world of replicators', () => {
  test('is the same each time: what it did can be replayed', async () => {
    const [first, second] = [[] as string[], [] as string[]];
    await runReplication(generateReplication(7), { trace: (line) => first.push(line) });
    await runReplication(generateReplication(7), { trace: (line) => second.push(line) });
    expect(first.length).toBeGreaterThan(20);
    expect(second).toEqual(first);
  });

  test('that breaks a promise is shrunk to the steps that it takes', async () => {
    // A target whose outages are final: a lost connection shows it.
    const { failures } = await runReplicationCampaign({
      first: 1,
      seeds: 20,
      wrapStore: withFinalOutages,
      onSeed: (_, failure) => failure === undefined,
    });
    const [failure] = failures;
    expect(failure?.violations[0]?.guarantee).toBe('alarm');
    if (failure === undefined) return;
    const minimal = await shrinkReplication(failure, { wrapStore: withFinalOutages });
    expect(minimal.violations[0]?.guarantee).toBe('alarm');
    expect(minimal.plan.steps.length).toBeLessThanOrEqual(6);
  });
});
