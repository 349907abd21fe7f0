import type { Costs } from '../costs/costs.js';
import { compare, type Figure, type Measured, resultsOf, type Span } from '../scenarios/measured.js';
import type { Results } from '../scenarios/results.js';
import type { Result } from '../scenarios/run.js';
import { scenarios } from '../scenarios/scenario.js';
import { sites } from '../scenarios/site.js';
import { seconds, table } from './table.js';

export interface SizingPage {
  readonly costs: Costs;
  readonly measured: Measured;
  /** The present mirrors first. */
  readonly all: readonly Results[];
}

/** The generated part of docs/sizing.md. */
export function sizingTables(page: SizingPage): string {
  return [
    '## Figures',
    `Costs measured on ${page.costs.at.slice(0, 10)} (${page.costs.machine}, etcd ${page.costs.etcd}). ${page.all.map(coreLine).join(' ')}`,
    ...scenarios.map((scenario) => scenarioSection(page, scenario.name, scenario.title)),
    '## What requests cost the server',
    costTable(page.costs),
    '## How well real fleets are reproduced',
    `${page.measured.about} "Other threads" are those of other programs on that machine, which is shared. In the third measurement their number follows from the share of CPU time that the busy clients got. (A count of runnable threads, short-lived ones included, came to 15, and with 15 the model takes two to four times as long.) In the others it is the number that fits best. Simulated are five seeds.`,
    measuredTable(page),
    page.measured.rows
      .flatMap(({ name, scenario, why }) => (why === undefined ? [] : `- ${name}, ${scenario}: ${why}`))
      .join('\n'),
  ].join('\n\n');
}

function coreLine({ core, commit, at }: Results): string {
  return core === 'present'
    ? `"Present" are the mirrors of commit ${commit}, simulated on ${at.slice(0, 10)}.`
    : `"${core.slice(0, 7)}" are those of that earlier commit.`;
}

function scenarioSection({ all }: SizingPage, name: string, title: string): string {
  const rows = all.flatMap(({ core, results }) =>
    results
      .filter(({ scenario, site }) => scenario === name && site === sites.fleet.name)
      .sort((a, b) => a.mirrors - b.mirrors || a.keys - b.keys)
      .map((result) => resultCells(core, result)),
  );
  const head = [
    'mirrors',
    'keys each',
    'code',
    'half are live after',
    'all are live after',
    'server CPU until then',
    'busiest second',
    'largest burst',
    'reads given up',
    'loads again',
    'cores busy, by 10 s',
  ];
  return `### ${title}\n\n${rows.length === 0 ? 'Not simulated yet.' : table(head, rows)}`;
}

function resultCells(core: string, result: Result): readonly string[] {
  const { mirrors, keys, liveAfter, liveQuantiles, simulated, serverCpu, burst, load, timeouts, resyncs } = result;
  return [
    mirrors.toLocaleString('en'),
    keys.toLocaleString('en'),
    core === 'present' ? 'present' : core.slice(0, 7),
    seconds(liveQuantiles.p50),
    liveAfter === null ? `not within ${seconds(simulated)}` : seconds(liveAfter),
    seconds(serverCpu),
    `${(load.reduce((most, ms) => Math.max(most, ms), 0) / 1_000).toFixed(1)} cores`,
    `${burst.requests.toLocaleString('en')} requests, ${seconds(burst.cpu)} of CPU`,
    timeouts.toLocaleString('en'),
    resyncs.toLocaleString('en'),
    loadLine(load),
  ];
}

/** Cores in use, on average, in each ten seconds. */
function loadLine(load: readonly number[]): string {
  const parts: string[] = [];
  for (let from = 0; from < Math.min(load.length, 60); from += 10) {
    const some = load.slice(from, from + 10);
    parts.push((some.reduce((sum, ms) => sum + ms, 0) / 1_000 / some.length).toFixed(1));
  }
  return parts.join(' ');
}

const ms = (value: number): string => `${value < 1 ? value.toPrecision(2) : value.toFixed(1)} ms`;

function costTable({ server }: Costs): string {
  const [small, large] = server.reads;
  if (small === undefined || large === undefined) return '';
  const read = (what: string, name: Exclude<keyof typeof small, 'keys'>): readonly string[] => [
    what,
    ms(small[name]),
    ms(large[name]),
  ];
  const any = (what: string, cost: number): readonly string[] => [what, ms(cost), ''];
  const head = ['', `${small.keys.toLocaleString('en')} keys`, `${large.keys.toLocaleString('en')} keys`];
  return table(head, [
    read('the head, by one key', 'key'),
    read('the number of keys', 'count'),
    read('the history check: newest entry and count at a revision', 'newestAtRevision'),
    read('what changed since a revision, if nothing did', 'delta'),
    read('a whole load, in pages', 'scan'),
    any('a new connection with its watch', server.connect),
    any('an event to a watcher', server.event),
    any('a question for progress, each 5 s', server.progress),
  ]);
}

const FIGURES = {
  serverCpu: 'server CPU',
  liveAfter: 'all live after',
  aborted: 'requests that their client ended',
} as const;

function measuredTable({ measured, all }: SizingPage): string {
  const rows = measured.rows.flatMap((row) => {
    const of = all.find(({ core }) => core.startsWith(row.core));
    const results = resultsOf(row, of?.results ?? []);
    if (results.length === 0) return [];
    return compare(row, results).map(({ figure, measured: real, simulated, factor }) => [
      row.name,
      row.scenario,
      `${row.others}, ${row.othersAre}`,
      FIGURES[figure],
      spanOf(figure, real),
      spanOf(figure, simulated),
      factor === 1 ? 'overlap' : factor.toFixed(2),
    ]);
  });
  const head = ['measurement', 'scenario', 'other threads', 'figure', 'measured', 'simulated', 'factor between'];
  return table(head, rows);
}

function spanOf(figure: Figure, [least, most]: Span): string {
  const text = (value: number): string => (figure === 'aborted' ? value.toLocaleString('en') : seconds(value));
  return least === most ? text(least) : `${text(least)} to ${text(most)}`;
}
