import type { ConfigStore } from '@holdfast/store';
import { describeViolations } from '@holdfast/testkit';
import { describe, expect, test } from '@jest/globals';
import { override } from '../../../.ci/test/support/override.js';
import { sample } from '../../../.ci/test/support/sample.js';
import { runCoordinationCampaign } from '../src/coordination/campaign.js';
import { generateCoordination } from '../src/coordination/generate.js';
import type { CoordinationPlan, CoordinationStep } from '../src/coordination/plan.js';
import { coordinationRegressions } from '../src/coordination/regressions.js';
import { shrinkCoordination } from '../src/coordination/shrink.js';
import { runCoordination } from '../src/coordination/world.js';
import { withFinalOutages } from './support/broken.js';

const FIRST_SEED = 1;
// A third of the worlds of mirrors: npm run test:fast asks for fewer, npm run simulate for thousands.
const SEEDS = Math.ceil(Number(process.env['HOLDFAST_WORLDS'] ?? 120) / 3);

describe('no world breaks a promise of coordination', () => {
  test(`${SEEDS} worlds from seed ${FIRST_SEED} on`, async () => {
    const { failures, stats, faults, seeds } = await runCoordinationCampaign({
      first: FIRST_SEED,
      seeds: SEEDS,
      onSeed: (_, failure) => failure === undefined,
    });
    const messages = failures.map(
      ({ seed, violations }) =>
        `npm run simulate -- --coordination --seeds 1 --seed ${seed}\n${describeViolations(violations)}`,
    );
    expect(messages).toEqual([]);
    expect(seeds).toBe(SEEDS);
    // The worlds are worlds: things happened in them, and somebody looked.
    expect(stats.acquisitions).toBeGreaterThan(SEEDS * 3);
    expect(stats.looks).toBeGreaterThan(SEEDS * 50);
    expect(Object.keys(faults).length).toBeGreaterThan(10);
  });

  test.each(sample(coordinationRegressions))('seed $seed: $what', async ({ seed }) => {
    const { violations } = await runCoordination(generateCoordination(seed));
    expect(describeViolations(violations)).toBe('');
  });
});

describe('a world of coordinators', () => {
  describe('whose store goes back under its old identity, and overtakes itself', () => {
    const ask = (client: number, holdMs = 0): CoordinationStep[] => [
      { do: 'acquire', client, name: '/q/import', how: 'lock', holdMs, paceMs: 20, isAttentive: true },
      { do: 'wait', ms: holdMs === 0 ? 400 : 50 },
    ];
    const many = Array.from({ length: 10 }, () => ask(0)).flat();
    const planned = (before: readonly CoordinationStep[]): CoordinationPlan => ({
      seed: 1,
      ttls: [8, 8],
      members: 1,
      observers: [],
      steps: [
        ...many,
        ...before,
        { do: 'restore', from: 'nothing', identity: 'same', writes: 0 },
        ...many,
        ...ask(0, 4_000),
        ...ask(1, 4_000),
        { do: 'wait', ms: 1_000 },
      ],
    });
    // A queue in which everybody sees only itself.
    const wrapStore = (store: ConfigStore) =>
      override(store, {
        txn: ({ then = [], ...txn }, options) => {
          const own = then.flatMap((op) => (op.type === 'put' ? op.key : []))[0];
          return store.txn(
            { ...txn, then: then.map((op) => (op.type === 'list' && own !== undefined ? { ...op, range: own } : op)) },
            options,
          );
        },
      });

    test('is judged, if no session lived that could be fooled', async () => {
      const plan = planned([
        { do: 'close', client: 0 },
        { do: 'wait', ms: 1_000 },
      ]);
      expect(await runCoordination(plan)).toMatchObject({ violations: [], isSetAside: false });
      const { violations, isSetAside } = await runCoordination(plan, { wrapStore });
      expect([violations[0]?.guarantee, isSetAside]).toEqual(['exclusive', false]);
      expect(violations[0]?.message).toMatch('of history 1');
    });

    test('is set aside, if one lived', async () => {
      const plan = planned([
        ...ask(1),
        { do: 'wait', ms: 500 },
        { do: 'close', client: 0 },
        { do: 'wait', ms: 500 },
        { do: 'net', client: 1, fault: 'silence' },
      ]);
      const steps = plan.steps.map((step) =>
        step.do === 'acquire' && step.holdMs > 0 ? { ...step, client: 0 } : step,
      );
      expect(await runCoordination({ ...plan, steps }, { wrapStore })).toMatchObject({
        violations: [],
        isSetAside: true,
      });
    });
  });

  test('is the same each time: what it did can be replayed', async () => {
    const [first, second] = [[] as string[], [] as string[]];
    await runCoordination(generateCoordination(7), { trace: (line) => first.push(line) });
    await runCoordination(generateCoordination(7), { trace: (line) => second.push(line) });
    expect(first.length).toBeGreaterThan(20);
    expect(second).toEqual(first);
  });

  test('that breaks a promise is shrunk to the steps that it takes', async () => {
    // A store whose outages are final: a lost connection and a lock show it.
    const { failures } = await runCoordinationCampaign({
      first: 1,
      seeds: 20,
      wrapStore: withFinalOutages,
      onSeed: (_, failure) => failure === undefined,
    });
    const [failure] = failures;
    expect(failure?.violations[0]?.guarantee).toBe('outcome');
    if (failure === undefined) return;
    const minimal = await shrinkCoordination(failure, { wrapStore: withFinalOutages });
    expect(minimal.violations[0]?.guarantee).toBe('outcome');
    expect(minimal.plan.steps.length).toBeLessThanOrEqual(6);
  });
});
