import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { describeViolations } from '@holdfast/testkit';
import { runCampaign } from './campaign/campaign.js';
import { type CampaignResult, type Failure, quantiles } from './campaign/campaign-result.js';
import { worldsCommand, type WorldsCommand } from './campaign/worlds-command.js';
import { coordinationWorlds } from './coordination/campaign.js';
import { replicationWorlds } from './replication/campaign.js';
import type { Generation } from './plans/generate.js';
import { type JobMessage, runInJobs } from './campaign/jobs.js';
import { report } from './campaign/report.js';
import { shrink } from './campaign/shrink.js';
import { runPlan } from './world/world.js';

const USAGE = `usage: npm run simulate -- --seeds <how many> --seed <the first>
  --coordination worlds of sessions, locks, elections and transactions, instead of mirrors
  --replication  worlds of replicators between two stores, instead of mirrors
  --generation N 1 to 5: the worlds as they were before there were more faults
  --jobs N       in so many processes
  --keep-going   past the first violation
  --out FILE     what came of it, as JSON
  --trace        what happens, of one seed
  --no-shrink    don't look for the least that fails`;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    generation: { type: 'string', default: '6' },
    coordination: { type: 'boolean', default: false },
    replication: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '1' },
    out: { type: 'string' },
    'keep-going': { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: true },
    trace: { type: 'boolean', default: false },
    /** Set by the process that runs several of these. */
    job: { type: 'boolean', default: false },
  },
  allowNegative: true,
});

const TELL_EVERY_MS = 10_000;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function wholeNumber(text: string): number | undefined {
  const number = Number(text);
  return Number.isSafeInteger(number) && number >= 1 ? number : undefined;
}

function generationOf(text: string): Generation | undefined {
  return ([1, 2, 3, 4, 5, 6] as const).find((generation) => String(generation) === text);
}

const lineOf = ({ seed, violations }: Failure): string => `seed ${seed}: ${describeViolations(violations.slice(0, 1))}`;

/** Calls back with what there is to tell, now and then. */
function nowAndThen(tell: (worlds: number) => void): (worlds: number) => void {
  let told = performance.now();
  return (worlds) => {
    if (performance.now() - told < TELL_EVERY_MS) return;
    told = performance.now();
    tell(worlds);
  };
}

async function job(first: number, seeds: number, generation: Generation): Promise<number> {
  const send = (message: JobMessage) => process.send?.(message);
  const tell = nowAndThen((worlds) => send({ type: 'done', worlds }));
  const result = await runCampaign({
    first,
    seeds,
    generation,
    onSeed: (seed, failure) => {
      if (failure !== undefined) send({ type: 'failed', line: lineOf(failure) });
      tell(seed - first + 1);
      return failure === undefined || values['keep-going'];
    },
  });
  send({ type: 'result', result });
  process.disconnect();
  return 0;
}

async function main(): Promise<number> {
  const [first, seeds, jobs] = [values.seed, values.seeds, values.jobs].map(wholeNumber);
  const generation = generationOf(values.generation);
  if (first === undefined || seeds === undefined || jobs === undefined || generation === undefined) {
    print(USAGE);
    return 2;
  }
  // Where in the code an error was made is of no use here, and costs a twentieth of the time.
  if (!values.trace) Error.stackTraceLimit = 0;
  if (values.coordination || values.replication) {
    const began = performance.now();
    const options: WorldsCommand = {
      first,
      seeds,
      keepsGoing: values['keep-going'],
      traces: values.trace,
      shrinks: values.shrink,
      out: values.out,
      command: `npm run simulate -- ${process.argv.slice(2).join(' ')}`,
      print,
      onProgress: nowAndThen((worlds) => {
        print(`${worlds} worlds in ${((performance.now() - began) / 1_000).toFixed(0)} s`);
      }),
    };
    return values.coordination ? worldsCommand(coordinationWorlds, options) : worldsCommand(replicationWorlds, options);
  }
  if (values.job) return job(first, seeds, generation);
  const began = performance.now();
  const secondsNow = () => (performance.now() - began) / 1_000;
  const tell = nowAndThen((worlds) => {
    print(`${worlds} worlds in ${secondsNow().toFixed(0)} s`);
  });
  const result: CampaignResult =
    jobs > 1
      ? await runInJobs(process.argv[1] ?? '', {
          jobs,
          first,
          seeds,
          generation,
          keepsGoing: values['keep-going'],
          onProgress: tell,
          onFailure: print,
        })
      : await runCampaign({
          first,
          seeds,
          generation,
          trace: values.trace && seeds === 1 ? print : undefined,
          onSeed: (seed, failure) => {
            if (failure !== undefined) print(lineOf(failure));
            tell(seed - first + 1);
            return failure === undefined || values['keep-going'];
          },
        });
  const seconds = secondsNow();
  const command = `npm run simulate -- ${process.argv.slice(2).join(' ')}`;
  const told = report({ result, command, first, seconds, jobs, generation });
  if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(told, null, 2)}\n`);
  print(JSON.stringify({ checked: told.checked, faults: told.faults }, null, 1));
  print(`convergence in virtual ms: ${JSON.stringify(quantiles(result.convergence))}`);
  print(
    `${result.seeds} worlds in ${seconds.toFixed(1)} s, ${told.worldsPerMinute} a minute; ${told.faultsInAll} faults; ${result.failures.length} with violations`,
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
