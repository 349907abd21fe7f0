import { parseArgs } from 'node:util';
import { describeViolations } from '@holdfast/testkit';
import { runCampaign } from './campaign.js';
import { shrink } from './shrink.js';
import { runPlan } from './world.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    'keep-going': { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: true },
    trace: { type: 'boolean', default: false },
  },
  allowNegative: true,
});

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<number> {
  const first = Number(values.seed);
  const seeds = Number(values.seeds);
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(seeds) || seeds < 1) {
    print('usage: npm run simulate -- --seeds <how many> --seed <the first> [--keep-going] [--trace] [--no-shrink]');
    return 2;
  }
  const began = performance.now();
  let told = began;
  const result = await runCampaign({
    first,
    seeds,
    trace: values.trace && seeds === 1 ? print : undefined,
    onSeed: (seed, failure) => {
      if (failure !== undefined) print(`seed ${seed}: ${describeViolations(failure.violations.slice(0, 1))}`);
      if (performance.now() - told > 10_000) {
        told = performance.now();
        print(`${seed - first + 1} worlds in ${Math.round((told - began) / 1_000)} s`);
      }
      return failure === undefined || values['keep-going'];
    },
  });
  const seconds = (performance.now() - began) / 1_000;
  const { stats, convergence } = result;
  const at = (share: number) => convergence[Math.min(convergence.length - 1, Math.floor(convergence.length * share))];
  print(JSON.stringify({ ...stats, convergenceMs: undefined, p50: at(0.5), p99: at(0.99), max: at(1) }, null, 1));
  print(
    `${result.seeds} worlds in ${seconds.toFixed(1)} s, ${Math.round((result.seeds / seconds) * 60)} a minute; ${result.failures.length} with violations`,
  );
  const [failure] = result.failures;
  if (failure === undefined) return 0;
  print(`\nseed ${failure.seed}:\n${describeViolations(failure.violations)}`);
  if (values.shrink) {
    const minimal = await shrink(failure);
    print(`\nthe least that shows it, of ${failure.plan.steps.length} steps ${minimal.plan.steps.length}:`);
    print(JSON.stringify({ ...minimal.plan, steps: undefined }));
    await runPlan(minimal.plan, { trace: print });
  }
  print(`\nagain: npm run simulate -- --seeds 1 --seed ${failure.seed} --trace`);
  return 1;
}

main().then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    print(String(error instanceof Error ? error.stack : error));
    process.exitCode = 2;
  },
);
