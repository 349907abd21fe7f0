import type { ConfigStore, Watch } from '@holdfast/store';
import { describeViolations } from '@holdfast/testkit';
import { describe, expect, test } from '@jest/globals';
import { sample } from '../../../.ci/test/support/sample.js';
import { runCampaign } from '../src/campaign/campaign.js';
import { generate } from '../src/plans/generate.js';
import { regressions } from '../src/campaign/regressions.js';
import { shrink } from '../src/campaign/shrink.js';
import { runPlan } from '../src/world/world.js';

const FIRST_SEED = 1;
// npm run test:fast asks for fewer, npm run simulate for thousands.
const SEEDS = Number(process.env['HOLDFAST_WORLDS'] ?? 60);

describe('no world breaks a promise of the mirror', () => {
  test(`${SEEDS} worlds from seed ${FIRST_SEED} on`, async () => {
    const { failures, stats, faults, seeds } = await runCampaign({
      first: FIRST_SEED,
      seeds: SEEDS,
      onSeed: (_, failure) => failure === undefined,
    });
    const messages = failures.map(
      ({ seed, violations }) => `npm run simulate -- --seeds 1 --seed ${seed}\n${describeViolations(violations)}`,
    );
    expect(messages).toEqual([]);
    expect(seeds).toBe(SEEDS);
    // The worlds are worlds: things happened in them, and somebody looked.
    expect(stats.commits).toBeGreaterThan(SEEDS * 10);
    expect(stats.looks).toBeGreaterThan(SEEDS * 10);
    expect(Object.keys(faults).length).toBeGreaterThan(20);
  });

  test.each(sample(regressions))('seed $seed: $what', async ({ seed, generation }) => {
    const { violations } = await runPlan(generate(seed, generation));
    expect(describeViolations(violations)).toBe('');
  });
});

describe('a world', () => {
  test('is the same each time: what it did can be replayed', async () => {
    const [first, second] = [[] as string[], [] as string[]];
    await runPlan(generate(7), { trace: (line) => first.push(line) });
    await runPlan(generate(7), { trace: (line) => second.push(line) });
    expect(first.length).toBeGreaterThan(20);
    expect(second).toEqual(first);
  });

  test('that breaks a promise is shrunk to the steps that it takes', async () => {
    // An adapter that loses a deletion: one put, one deletion and a mirror show it.
    const wrapStore = (store: ConfigStore): ConfigStore =>
      new Proxy(store, {
        get: (_, name) => {
          if (name === 'watch')
            return (...args: Parameters<ConfigStore['watch']>) => withoutDeletes(store.watch(...args));
          const value: unknown = Reflect.get(store, name, store);
          return typeof value === 'function' ? (value.bind(store) as unknown) : value;
        },
      });
    const { failures } = await runCampaign({
      first: 1,
      seeds: 50,
      generation: 4,
      wrapStore,
      onSeed: (_, failure) => failure === undefined,
    });
    const [failure] = failures;
    expect(failure).toBeDefined();
    if (failure === undefined) return;
    const minimal = await shrink(failure, { wrapStore });
    expect(minimal.violations[0]?.guarantee).toBe(failure.violations[0]?.guarantee);
    expect(minimal.plan.steps.length).toBeLessThanOrEqual(8);
    expect(minimal.plan.steps.length).toBeLessThan(failure.plan.steps.length);
  });
});

function withoutDeletes(watch: Watch): Watch {
  return new Proxy(watch, {
    get: (_, name) => {
      if (name === Symbol.asyncIterator)
        return async function* () {
          for await (const batch of watch)
            yield { ...batch, events: batch.events.filter(({ type }) => type === 'put') };
        };
      const value: unknown = Reflect.get(watch, name, watch);
      return typeof value === 'function' ? (value.bind(watch) as unknown) : value;
    },
  });
}
