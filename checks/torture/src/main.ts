import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { inspect, parseArgs } from 'node:util';
import type { Logger } from '@holdfast/store';
import { availableEtcds, availablePostgres, describeViolations, Random } from '@holdfast/testkit';
import { runCampaign, runPlanned, type CampaignOptions } from './campaign.js';
import { allCells, cellsOn, nameOfCell } from './cell.js';
import { coordinatedFaults, faults } from './faults/index.js';
import { planOf, type Planned } from './plan.js';
import { sampleOf } from './replay.js';
import {
  mergeReports,
  percentiles,
  totalsOf,
  type CampaignReport,
  type InjectionReport,
  type Mishap,
} from './report.js';
import { settingsOf, storeSettings } from './settings.js';
import { hasPgbouncer } from './stores/pgbouncer.js';
import { storeCells, storeCellsOn } from './stores/store-cell.js';
import { storeFaultKinds } from './stores/store-fault-kind.js';
import { plannedIn, planOfStores, storeFaults, type PlannedInStore } from './stores/store-plan.js';

const USAGE = `usage: npm run torture -- [--minutes N] [--injections N] [--seed S] [--out FILE.json]
  which:  [--backend etcd-v3|etcd-v2] [--version 3.4.23|3.5.16|3.5|3.6|3.7] [--nodes 1|3] [--cell 3.5.16/v3/3]... [--fault KIND]...
          [--backend postgres|lmdb|stores] [--cell postgres/18/pooled]... [--fault KIND]...
  again:  --cell CELL --fault KIND --injection-seed SEED     one injection of a report
          --replay REPORT.json --sample N                    some of a report, chosen by --seed
  --coordination: with sessions, locks and elections beside the mirrors (v3, postgres, lmdb)
  --trace tells what stores and mirrors ride out
  reports: --merge A.json --merge B.json --out C.json        one of several
kinds:    ${coordinatedFaults.map(({ kind }) => kind).join(' ')}
  stores: ${storeFaultKinds.join(' ')}
  cells:  ${storeCells.join(' ')}`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    injections: { type: 'string' },
    seed: { type: 'string' },
    backend: { type: 'string' },
    version: { type: 'string' },
    nodes: { type: 'string' },
    cell: { type: 'string', multiple: true },
    fault: { type: 'string', multiple: true },
    'injection-seed': { type: 'string' },
    out: { type: 'string' },
    replay: { type: 'string' },
    sample: { type: 'string', default: '10' },
    merge: { type: 'string', multiple: true },
    trace: { type: 'boolean', default: false },
    coordination: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function numberOf(name: 'minutes' | 'injections' | 'seed' | 'sample' | 'injection-seed'): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!(number >= 0)) throw new RangeError(`--${name} must be a number, not ${text}`);
  return number;
}

function readReport(file: string): CampaignReport {
  return JSON.parse(readFileSync(file, 'utf8')) as CampaignReport;
}

function writeReport(file: string, report: CampaignReport): void {
  mkdirSync(dirname(file), { recursive: true });
  // One injection a line, so that reports can be read and compared.
  const { injections, ...rest } = report;
  const lines = injections.map((injection) => `  ${JSON.stringify(injection)}`).join(',\n');
  const head = JSON.stringify(rest, null, 1).slice(0, -2);
  writeFileSync(file, `${head},\n "injections": [\n${lines}\n ]\n}\n`);
}

/** The last commit that changed a package: what is under test. Later ones, such as of a rebase, change nothing of it. */
function commit(): string {
  const tested = ':(glob)packages/*/src/**';
  const git = (...args: readonly string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const isDirty = git('status', '--porcelain', '--', tested, 'checks/torture/src') !== '';
  return `${git('rev-list', '-1', 'HEAD', '--', tested)}${isDirty ? ' with changes' : ''}`;
}

/** What the options choose, of everything or of a report. */
function choose(seed: number): Planned[] {
  const cells = cellsOn(availableEtcds().map(({ version }) => version)).filter(
    (cell) =>
      (values.backend === undefined || values.backend === `etcd-${cell.api}`) &&
      (!values.coordination || cell.api === 'v3') &&
      (values.version === undefined || values.version === cell.version) &&
      (values.nodes === undefined || values.nodes === String(cell.nodes)) &&
      (values.cell?.includes(nameOfCell(cell)) ?? true),
  );
  const possible = values.coordination ? coordinatedFaults : faults;
  const chosen = possible.filter(({ kind }) => values.fault?.includes(kind) ?? true);
  if (cells.length === 0 || chosen.length === 0)
    throw new RangeError('no cell and no kind of fault is meant by these options');
  if (values.replay !== undefined) {
    return sampleOf(readReport(values.replay).injections, numberOf('sample') ?? 0, new Random(seed), possible).filter(
      ({ cell, fault }) => cells.includes(cell) && chosen.includes(fault),
    );
  }
  const planned = planOf({ seed, faults: chosen, cells, allCells, injections: numberOf('injections') });
  const own = numberOf('injection-seed');
  return own === undefined ? planned : planned.slice(0, 1).map((each) => ({ ...each, seed: own }));
}

/** The same of databases and folders; undefined where a cluster of etcd is meant. */
function chooseStores(seed: number): PlannedInStore[] | undefined {
  const { backend, cell: names, fault: kinds } = values;
  const isOfStores = (name: string) => (storeCells as readonly string[]).includes(name);
  if (!['stores', 'postgres', 'lmdb'].includes(backend ?? '') && !(names?.some(isOfStores) ?? false)) return undefined;
  const available = storeCellsOn(
    availablePostgres().map(({ version }) => version),
    hasPgbouncer,
  );
  const cells = available.filter(
    (cell) =>
      (backend === undefined || backend === 'stores' || cell.startsWith(`${backend}/`)) &&
      (names?.includes(cell) ?? true),
  );
  const { coordination: coordinates } = values;
  const planned = planOfStores({ seed, cells, kinds, injections: numberOf('injections'), coordinates });
  if (planned.length === 0) throw new RangeError('no cell and no kind of fault is meant by these options');
  const own = numberOf('injection-seed');
  if (own === undefined) return planned;
  const [first] = planned;
  const [cell] = cells;
  const fault = storeFaults.find((each) => each.kind === first?.fault.kind && cell && each.appliesTo(cell));
  return cell === undefined || fault === undefined ? [] : [plannedIn(cell, fault, own, coordinates)];
}

function tracer(): Logger {
  const say: Logger['info'] = (message, details) => {
    const text = inspect(details, { depth: 1, breakLength: Infinity }).replace(/\n\s*/g, ' ').slice(0, 300);
    print(`    ${performance.now().toFixed(0)} ${message} ${text}`);
  };
  return { debug: say, info: say, warn: say, error: say };
}

async function main(): Promise<number> {
  if (values.help) {
    print(USAGE);
    return 0;
  }
  if (values.merge !== undefined) {
    if (values.out === undefined) throw new RangeError('--merge needs --out');
    const report = mergeReports(values.merge.map(readReport));
    writeReport(values.out, report);
    print(JSON.stringify(report.totals, null, 1));
    return report.totals.violations === 0 ? 0 : 1;
  }
  const seed = numberOf('seed') ?? Math.floor(Math.random() * 2 ** 31);
  const stores = chooseStores(seed);
  const clusters = stores === undefined ? choose(seed) : [];
  const plan = stores ?? clusters;
  const minutes = numberOf('minutes');
  const began = performance.now();
  const startedAt = new Date().toISOString();
  const deadline = minutes === undefined ? Infinity : began + minutes * 60_000;
  const injections: InjectionReport[] = [];
  const mishaps: Mishap[] = [];
  const build = (): CampaignReport => ({
    commit: commit(),
    startedAt,
    tookMs: Math.round(performance.now() - began),
    seed,
    node: process.version,
    settings: { v3: settingsOf('v3'), v2: settingsOf('v2'), ...(stores && { stores: storeSettings }) },
    totals: totalsOf(injections),
    mishaps,
    injections,
  });
  print(`seed ${seed}: ${plan.length} injections`);
  const options: CampaignOptions = {
    logger: values.trace ? tracer() : undefined,
    coordinates: values.coordination,
    goesOn: () => performance.now() < deadline,
    onInjection: (report) => {
      injections.push(report);
      progress(report);
      // What is there survives a campaign that does not come to its end.
      if (values.out !== undefined && injections.length % 20 === 0) writeReport(values.out, build());
    },
    onMishap: (mishap) => {
      mishaps.push(mishap);
      print(`  ${mishap.why}: ${mishap.cell} ${mishap.kind} ${mishap.seed}: ${mishap.message}`);
    },
  };
  if (stores === undefined) await runCampaign(clusters, options);
  else await runPlanned(stores, options);
  const report = build();
  if (values.out !== undefined) writeReport(values.out, report);
  print(JSON.stringify(report.totals, null, 1));
  return report.totals.violations === 0 ? 0 : 1;

  function progress({
    cell,
    kind,
    seed: own,
    details,
    convergenceMs,
    followsMs,
    class: kindOfTime,
    tookMs,
    violations,
  }: InjectionReport): void {
    const { p50, p99 } = percentiles(
      injections.flatMap((each) => (each.class === 'plain' ? (each.convergenceMs ?? []) : [])),
    );
    const events = injections.reduce((sum, { eventsChecked }) => sum + eventsChecked, 0);
    const broken = injections.reduce((sum, each) => sum + each.violations.length, 0);
    const seconds = Math.round((performance.now() - began) / 1_000);
    print(
      `${injections.length}/${plan.length} ${seconds} s  ${cell} ${kind}: ${convergenceMs ?? 'never'} ms ${kindOfTime}, follows ${followsMs ?? 'never'}, in ${tookMs} ` +
        `${JSON.stringify(details)}  | ${events} events, p50 ${p50}, p99 ${p99}, ${broken} violations`,
    );
    if (violations.length === 0) return;
    print(describeViolations(violations));
    const coordinates = values.coordination ? '--coordination ' : '';
    print(`again: npm run torture -- ${coordinates}--cell ${cell} --fault ${kind} --injection-seed ${own}`);
  }
}

main().then(
  (status) => process.exit(status),
  (error: unknown) => {
    print(
      error instanceof RangeError ? `${error.message}\n${USAGE}` : String(error instanceof Error ? error.stack : error),
    );
    process.exit(2);
  },
);
