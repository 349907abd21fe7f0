import { parseArgs } from 'node:util';
import { beJob } from './campaign/job.js';
import { mirrorsCommand } from './campaign/mirrors-command.js';
import { nowAndThen } from './campaign/now-and-then.js';
import { worldsCommand } from './campaign/worlds-command.js';
import { coordinationWorlds } from './coordination/campaign.js';
import { replicationWorlds } from './replication/campaign.js';
import { type Generation, GENERATIONS, NEWEST } from './plans/generate.js';

const USAGE = `usage: npm run simulate -- --seeds <how many> --seed <the first>
  --coordination worlds of sessions, locks, elections and transactions, instead of mirrors
  --replication  worlds of replicators between two stores, instead of mirrors
  --generation N 1 to ${NEWEST}: the worlds as they were, with fewer kinds of faults or more storms
  --jobs N       in so many processes
  --keep-going   past the first violation
  --out FILE     what came of it, as JSON
  --state FILE   keeps what was run in FILE, and goes on from there: for a campaign of several commands
  --trace        what happens, of one seed
  --no-shrink    don't look for the least that fails`;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    generation: { type: 'string', default: String(NEWEST) },
    coordination: { type: 'boolean', default: false },
    replication: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '1' },
    out: { type: 'string' },
    state: { type: 'string' },
    'keep-going': { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: true },
    trace: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    /** Set by the process that runs several of these. */
    job: { type: 'boolean', default: false },
  },
  allowNegative: true,
});

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function wholeNumber(text: string): number | undefined {
  const number = Number(text);
  return Number.isSafeInteger(number) && number >= 1 ? number : undefined;
}

function generationOf(text: string): Generation | undefined {
  return GENERATIONS.find((generation) => String(generation) === text);
}

async function main(): Promise<number> {
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const [first, seeds, jobs] = [values.seed, values.seeds, values.jobs].map(wholeNumber);
  const generation = generationOf(values.generation);
  const { state } = values;
  const isWhole = state === undefined || (values['keep-going'] && !values.coordination && !values.replication);
  if (first === undefined || seeds === undefined || jobs === undefined || generation === undefined || !isWhole) {
    print(USAGE);
    if (!isWhole) print('--state is for worlds of mirrors, with --keep-going');
    return 2;
  }
  // Where in the code an error was made is of no use here, and costs a twentieth of the time.
  if (!values.trace) Error.stackTraceLimit = 0;
  if (values.job) {
    beJob(generation, values['keep-going']);
    return 0;
  }
  const options = {
    first,
    seeds,
    keepsGoing: values['keep-going'],
    traces: values.trace,
    shrinks: values.shrink,
    out: values.out,
    command: `npm run simulate -- ${process.argv.slice(2).join(' ')}`,
    print,
  };
  if (!values.coordination && !values.replication)
    return mirrorsCommand({ ...options, generation, jobs, state, program: process.argv[1] ?? '' });
  const began = performance.now();
  const onProgress = nowAndThen((worlds: number) => {
    print(`${worlds} worlds in ${((performance.now() - began) / 1_000).toFixed(0)} s`);
  });
  return values.coordination
    ? worldsCommand(coordinationWorlds, { ...options, onProgress })
    : worldsCommand(replicationWorlds, { ...options, onProgress });
}

main().then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    print(String(error instanceof Error ? (error.stack ?? error) : error));
    process.exitCode = 2;
  },
);
