import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readCosts } from './costs/costs.js';
import { MEASURED_FLEET, MEASURED_SEEDS, readMeasured, siteOfRow } from './scenarios/measured.js';
import { addResults, fileOf } from './scenarios/results.js';
import { type Result, run } from './scenarios/run.js';
import { type Scenario, scenarioOf, scenarios } from './scenarios/scenario.js';
import { type Site, siteOf, sites } from './scenarios/site.js';

const USAGE = `usage: npm run fleet -- [options]
  --measure         measures the costs on a real etcd, and writes checks/fleet/costs.json
  --scenario NAMES  ${scenarios.map(({ name }) => name).join(', ')}; all by default
  --mirrors NUMBERS how many mirrors, such as 300,10000
  --keys N          how many keys each mirror is charged for
  --site NAME       ${Object.keys(sites).join(' or ')}
  --measured        the fleets that were measured, as they were
  --seed N
  --most SECONDS    the longest time to simulate
  --against DIR     the mirrors of another built checkout
  --publish         writes what came of it to checks/fleet/results/`;

const { values } = parseArgs({
  options: {
    measure: { type: 'boolean', default: false },
    scenario: { type: 'string', default: scenarios.map(({ name }) => name).join(',') },
    mirrors: { type: 'string', default: '300,10000' },
    keys: { type: 'string', default: '10000' },
    measured: { type: 'boolean', default: false },
    site: { type: 'string', default: 'fleet' },
    seed: { type: 'string', default: '1' },
    most: { type: 'string', default: '300' },
    against: { type: 'string' },
    publish: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** The version of etcd whose costs are measured. */
const ETCD = '3.5.16';
const FOLDER = join('checks', 'fleet');
const COSTS = join(FOLDER, 'costs.json');

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function commitOf(folder: string): string {
  return execFileSync('git', ['-C', folder, 'rev-parse', '--short=10', 'HEAD'], { encoding: 'utf8' }).trim();
}

async function measureCosts(): Promise<void> {
  const { measure } = await import('./measure/measure.js');
  const costs = await measure(ETCD, print);
  writeFileSync(COSTS, `${JSON.stringify(costs, undefined, 2)}\n`);
}

interface Job {
  readonly scenario: Scenario;
  readonly site: Site;
  readonly mirrors: number;
  readonly keys: number;
  readonly seed: number;
}

function jobs(core: string): readonly Job[] {
  if (values.measured) {
    const rows = readMeasured(FOLDER).rows.filter((row) => core.startsWith(row.core));
    return rows.flatMap((row) =>
      MEASURED_SEEDS.map((seed) => ({
        scenario: scenarioOf(row.scenario),
        site: siteOfRow(row),
        seed,
        ...MEASURED_FLEET,
      })),
    );
  }
  return values.scenario.split(',').flatMap((name) =>
    values.mirrors.split(',').map((mirrors) => ({
      scenario: scenarioOf(name),
      site: siteOf(values.site),
      mirrors: Number(mirrors),
      keys: Number(values.keys),
      seed: Number(values.seed),
    })),
  );
}

async function simulate(): Promise<void> {
  // Where in the code an error was made is of no use here, and costs much time.
  Error.stackTraceLimit = 0;
  const costs = readCosts(COSTS);
  const commit = commitOf(values.against ?? '.');
  const core = values.against === undefined ? 'present' : commit;
  for (const job of jobs(core)) {
    const began = performance.now();
    const name = `${job.scenario.name}, ${job.mirrors} mirrors, ${job.site.name}`;
    const tell = (line: string): void => {
      print(`${name}: ${line}`);
    };
    const result = await run({ ...job, mostMs: Number(values.most) * 1_000, costs, tell });
    print(lineOf(result));
    print(`  ${Math.round((performance.now() - began) / 1_000)} s of real time`);
    if (!values.publish) continue;
    const at = new Date().toISOString();
    addResults(fileOf(FOLDER, core), { core, commit, at, costs: costs.at, results: [result] });
  }
}

function lineOf({ load, requests, ...rest }: Result): string {
  return `${JSON.stringify(rest)}\n  requests: ${JSON.stringify(requests)}\n  CPU ms by second: ${load.join(' ')}`;
}

if (values.help) print(USAGE);
else if (values.measure) await measureCosts();
else await simulate();
