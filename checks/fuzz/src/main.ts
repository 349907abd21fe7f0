import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { availableEtcds, availablePostgres, servesV2 } from '@holdfast/testkit';
import type { Arena } from './arena.js';
import { runCampaign, type Failure } from './campaign.js';
import { sortCounts } from './counts.js';
import { explain } from './explain.js';
import { FilesArena } from './files-arena.js';
import { reportOf, type ArenaReport, type FuzzReport } from './report.js';
import { PostgresArena } from './postgres-arena.js';
import { runPlan } from './run-plan.js';
import { shrink } from './shrink.js';
import { V2Arena } from './v2-arena.js';
import { lmdbModel, V3Arena } from './v3-arena.js';

const USAGE = `usage: npm run fuzz -- --seeds <how many> --from <the first> [--server 3.5.30]... [--api v3|v2|postgres]
  --server VERSION  on this etcd or PostgreSQL alone; by default on all that there are
  --api v3|v2       one API alone; by default v3, and v2 where a server has it
  --model lmdb      compare etcd with the lmdb store, and not with the memory store
  --api postgres    PostgreSQL beside etcd's v3 API
  --api files       a folder that is written to, beside etcd's v3 API
  --keep-going      past the first difference
  --no-shrink       don't look for the least that shows a difference
  --out FILE        what came of it, as JSON`;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    server: { type: 'string', multiple: true },
    api: { type: 'string' },
    model: { type: 'string' },
    out: { type: 'string' },
    'keep-going': { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: true },
    help: { type: 'boolean', default: false },
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

type Start = () => Promise<Arena>;

/** How to start each server that the options name. */
function starts(): readonly Start[] {
  const wants = (version: string): boolean => values.server?.includes(version) ?? true;
  const of = (api: 'v3' | 'v2', start: (version: string) => Promise<Arena>): readonly Start[] => {
    if (values.api !== undefined && values.api !== api) return [];
    const versions = availableEtcds().map(({ version }) => version);
    const serving = versions.filter((version) => wants(version) && (api === 'v3' || servesV2(version)));
    return serving.map((version) => () => start(version));
  };
  const model = values.model === 'lmdb' ? lmdbModel : undefined;
  const folders = availableEtcds().filter(({ version }) => values.api === 'files' && wants(version));
  const beside = availablePostgres().filter(({ version }) => values.api === 'postgres' && wants(version));
  return [
    ...of('v3', (version) => V3Arena.start(version, model)),
    ...of('v2', (version) => V2Arena.start(version)),
    ...folders.map(
      ({ version }) =>
        () =>
          FilesArena.start(version),
    ),
    ...beside.map(
      ({ version }) =>
        () =>
          PostgresArena.start(version),
    ),
  ];
}

/** Prints a difference, as small as it can be made. On a new server: there revisions are those that a reader will see. */
async function tellFailure(start: Start, failure: Failure): Promise<void> {
  await using arena = await start();
  const plan = values.shrink ? await shrink(arena, failure.plan, failure.difference) : failure.plan;
  await using fresh = await start();
  const { difference = failure.difference, lines } = await runPlan(fresh, plan);
  print(`\n${explain(fresh.name, { seed: failure.seed, difference, lines })}`);
}

async function fuzz(start: Start, first: number, seeds: number): Promise<ArenaReport> {
  await using arena = await start();
  const began = performance.now();
  let told = began;
  const result = await runCampaign(arena, {
    first,
    seeds,
    onSeed: (seed, failure) => {
      if (performance.now() - told > TELL_EVERY_MS) {
        told = performance.now();
        print(`${arena.name}: ${seed - first + 1} seeds in ${((told - began) / 1_000).toFixed(0)} s`);
      }
      if (failure !== undefined) print(`${arena.name}: seed ${seed}: ${failure.difference.what}`);
      return failure === undefined || values['keep-going'];
    },
  });
  const report = reportOf(arena.name, first, result);
  const { calls, outcomes, watches, allowances } = result.tally;
  print(
    JSON.stringify(
      { calls: sortCounts(calls), outcomes: sortCounts(outcomes), watches: sortCounts(watches), allowances },
      null,
      1,
    ),
  );
  print(
    `${arena.name}: ${report.callsInAll} calls of ${result.seeds} seeds, ${result.failures.length} with a difference`,
  );
  const [failure] = result.failures;
  if (failure !== undefined) await tellFailure(start, failure);
  return report;
}

async function main(): Promise<number> {
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const [first, seeds] = [wholeNumber(values.from), wholeNumber(values.seeds)];
  const chosen = starts();
  if (first === undefined || seeds === undefined || chosen.length === 0) {
    print(USAGE);
    return 2;
  }
  const began = performance.now();
  const servers: ArenaReport[] = [];
  for (const start of chosen) servers.push(await fuzz(start, first, seeds));
  if (values.out !== undefined) {
    const command = `npm run fuzz -- ${process.argv.slice(2).join(' ')}`;
    const report: FuzzReport = { command, seconds: Math.round((performance.now() - began) / 1_000), servers };
    mkdirSync(dirname(values.out), { recursive: true });
    writeFileSync(values.out, `${JSON.stringify(report, null, 1)}\n`);
  }
  return servers.every(({ differences }) => differences.length === 0) ? 0 : 1;
}

main().then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    print(String(error instanceof Error ? error.stack : error));
    process.exitCode = 2;
  },
);
