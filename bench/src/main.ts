import { availableEtcds, findPostgres } from '@holdfast/testkit';
import { mkdirSync, rmSync } from 'node:fs';
import { loadavg } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArguments, USAGE, type Arguments } from './harness/arguments.js';
import { commit, machine, peers } from './harness/environment.js';
import { openOtherCheckout, withOther, type OtherCheckout } from './harness/other-checkout.js';
import { profileReport } from './harness/profile.js';
import { FLEET_RESULTS_FILE, publish, RESULTS_FILE } from './pages/publish.js';
import { serverName } from './harness/format.js';
import { mergeResults, readResults, writeResults, type Results, type RowResult } from './harness/results.js';
import type { Row } from './harness/row.js';
import { runRow } from './harness/run-row.js';
import { scaleOf } from './harness/scale.js';
import { plainTable, VERDICT_COLUMNS, verdictCells } from './harness/table.js';
import { verdictsOf } from './harness/verdict.js';
import { fleetRows } from './rows/fleet.js';
import { rows as usualRows } from './rows/index.js';

// `npm run bench`: see harness/arguments.ts for what it takes.

const script = resolve(process.argv[1] ?? '');
const root = join(dirname(script), '..', '..');
const cache = join(root, '.cache', 'bench');

interface Server {
  readonly version: string;
  readonly bin: string | undefined;
}

function servers({ etcd }: Arguments, row: Row): readonly Server[] {
  if (row.server === 'none') return [{ version: '', bin: undefined }];
  if (row.server === 'postgres') return [{ version: `PostgreSQL ${findPostgres().version}`, bin: undefined }];
  if (etcd !== undefined) process.env['HOLDFAST_ETCD'] = '';
  if (etcd !== undefined) process.env['ETCD_BIN'] = etcd;
  return availableEtcds().map(({ version, etcd: bin }) => ({ version, bin }));
}

async function measure(args: Arguments, row: Row, { version, bin }: Server, other?: OtherCheckout): Promise<RowResult> {
  const rounds = Math.min(args.rounds, row.onRequest?.rounds ?? Infinity);
  const name = version === '' ? row.name : `${row.name} on ${serverName(version)}`;
  const [load = 0] = loadavg();
  const figures = await runRow({
    row,
    scale: scaleOf(args.keys, args.clients),
    etcd: bin,
    script: join(dirname(script), 'child.js'),
    profileFolder: args.profile ? join(cache, 'profiles') : undefined,
    against: other?.folder,
    rounds,
    onRound: (round) => {
      process.stderr.write(`${name}: round ${round + 1} of ${rounds}\n`);
    },
  });
  return {
    row: row.name,
    server: version,
    at: new Date().toISOString(),
    commit: commit(root),
    keys: args.keys,
    ...(args.fleet && { clients: args.clients }),
    load,
    figures,
  };
}

async function run(args: Arguments): Promise<boolean> {
  const other = args.against === undefined ? undefined : openOtherCheckout(args.against);
  const rows = args.fleet ? fleetRows : usualRows;
  const wanted = rows
    .filter(({ name, onRequest }) => (args.only.length === 0 ? onRequest === undefined : args.only.includes(name)))
    .map((row) => (other === undefined ? row : withOther(row, other)));
  const unknown = args.only.find((name) => !rows.some((row) => row.name === name));
  if (unknown !== undefined)
    throw new Error(`there is no row ${unknown}; there are ${rows.map(({ name }) => name).join(', ')}`);
  rmSync(join(cache, 'profiles'), { recursive: true, force: true });
  mkdirSync(join(cache, 'profiles'), { recursive: true });

  const began = performance.now();
  const measured: RowResult[] = [];
  let complete = true;
  for (const row of wanted) {
    for (const server of servers(args, row)) {
      try {
        const result = await measure(args, row, server, other);
        measured.push(result);
        const cells = verdictsOf(row, result).map(verdictCells);
        console.log(`\n${row.title}${server.version === '' ? '' : `, ${serverName(server.version)}`}`);
        console.log(plainTable(VERDICT_COLUMNS, cells));
      } catch (error) {
        complete = false;
        console.error(
          `\n${row.name} ${server.version} was not measured: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
  }
  const results: Results = { machine: machine(), node: process.version, peers: peers(root), rows: measured };
  const out = resolve(args.out ?? join(cache, 'latest.json'));
  writeResults(out, results);
  console.log(`\n${Math.round((performance.now() - began) / 1000)} s; figures of every round: ${out}`);
  if (args.profile) console.log(`\n${profileReport(join(cache, 'profiles'))}`);
  if (args.publish) {
    const file = join(root, args.fleet ? FLEET_RESULTS_FILE : RESULTS_FILE);
    writeResults(file, mergeResults(readResults(file), results));
    publish(root);
  }
  return complete;
}

async function main(): Promise<void> {
  if (process.argv.includes('--help')) {
    console.log(USAGE);
    return;
  }
  const args = parseArguments(process.argv.slice(2));
  if (args.render) publish(root);
  else if (!(await run(args))) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
