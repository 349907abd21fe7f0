import { formatSummary, serverName } from '../harness/format.js';
import type { Results, RowResult } from '../harness/results.js';
import type { Row } from '../harness/row.js';
import { summarize } from '../harness/stats.js';
import { markdownTable, VERDICT_COLUMNS, verdictCells } from '../harness/table.js';
import { verdictsOf } from '../harness/verdict.js';

export interface PageSources {
  readonly results: Results;
  readonly rows: readonly Row[];
  /** Notes about the figures, written by hand. */
  readonly notes: string;
  /** The plots, as file names beside the page. */
  readonly plots: readonly string[];
  /** The rows of fleets, once they are measured. */
  readonly fleet?: Pick<PageSources, 'results' | 'rows'> | undefined;
}

interface Measured {
  readonly row: Row;
  readonly result: RowResult;
}

/** The whole of `docs/performance.md`, made of the results and the notes. */
export function page({ results, rows, notes, plots, fleet }: PageSources): string {
  const measured = rows.flatMap((row) => resultsOf(results, row).map((result) => ({ row, result })));
  const servers = [...new Set(measured.map(({ result }) => result.server))].sort();
  return [
    '<!-- Written by `npm run bench -- --publish` from bench/results.json and bench/notes.md. Change those instead. -->',
    '# Performance',
    'For readers who ask what Holdfast costs, compared with other clients of etcd. `bench/` measures it. Read the ratios: every round measures all sides, one after another, each in a process of its own, so that a disturbance affects all of them. Figures are medians, with the smallest and the largest in parentheses. A ratio is that of the medians, with the smallest and the largest of the rounds. In every round all sides must read the same content.',
    `Measured on ${results.machine}, Node ${results.node.slice(1)}. ${howTaken(measured)}`,
    markdownTable(
      ['peer', 'version', 'settings'],
      results.peers.map(({ name, version, options }) => [`\`${name}\``, version, options]),
    ),
    ...servers.flatMap((server) => [
      `## ${server === '' ? 'Without a server' : `On ${serverName(server)}`}`,
      markdownTable(
        VERDICT_COLUMNS.map((column) => column),
        measured
          .filter(({ result }) => result.server === server)
          .flatMap(({ row, result }) => verdictsOf(row, result).map(verdictCells)),
      ),
    ]),
    ...plots.map((name) => `![Time and longest stall against the number of keys](${name})`),
    notes.trim(),
    '## All figures',
    ...rows.flatMap((row) => details(row, resultsOf(results, row))),
    ...(fleet === undefined ? [] : fleetSection(fleet)),
    '## How to run it',
    '`npm run bench` measures everything on three versions of etcd (two where there is no Go, which builds the third); `npm run bench -- --help` lists the options. A single row: `npm run bench -- --only load --rounds 3`. Another built checkout as one more peer, for a change that must not slow anything down: `npm run bench -- --against DIR`. Fleets of clients have a command of their own, which takes hours: `npm run bench:fleet`, and for a trial `npm run bench:fleet -- --clients 10 --keys 500 --rounds 1`.',
  ]
    .join('\n\n')
    .concat('\n');
}

/** The rows of fleets: they take hours, and so they are measured apart from the others, with sizes of their own. */
function fleetSection({ results, rows }: Pick<PageSources, 'results' | 'rows'>): readonly string[] {
  const measured = rows.flatMap((row) => resultsOf(results, row).map((result) => ({ row, result })));
  const servers = [...new Set(measured.map(({ result }) => result.server))].sort();
  return [
    '## A fleet of clients',
    `Many clients of one server, each with a connection of its own, in a few processes, which run at a lower priority than the servers: elsewhere those have machines of their own. Each side has a server of its own in each round. Measured on ${results.machine}, Node ${results.node.slice(1)}.`,
    ...servers.flatMap((server) => [
      `On etcd ${server}:`,
      markdownTable(
        ['row', ...VERDICT_COLUMNS],
        measured
          .filter(({ result }) => result.server === server)
          .flatMap(({ row, result }) =>
            verdictsOf(row, result).map((verdict) => [`\`${row.name}\``, ...verdictCells(verdict)]),
          ),
      ),
    ]),
    ...rows.flatMap((row) => details(row, resultsOf(results, row))),
  ];
}

function resultsOf(results: Results, row: Row): readonly RowResult[] {
  return results.rows.filter(({ row: name }) => name === row.name).sort((a, b) => (a.server < b.server ? -1 : 1));
}

function details(row: Row, results: readonly RowResult[]): readonly string[] {
  if (results.length === 0) return [];
  return [`### ${row.title} (\`--only ${row.name}\`)`, row.about, ...results.map((result) => detailTable(row, result))];
}

/** A warning about figures that are not comparable: the goals hold for 100,000 keys and 7 rounds on a quiet machine. */
function howTaken(measured: readonly Measured[]): string {
  // Rows on request take long, and run less often.
  const rows = measured.filter(({ row }) => row.onRequest === undefined).map(({ result }) => result);
  const least = (of: (row: RowResult) => number) => Math.min(...rows.map(of));
  const keys = least((row) => row.keys);
  const rounds = least(({ figures }) => roundsOf(figures));
  const load = Math.max(...rows.map((row) => row.load));
  const isFull = keys >= 100_000 && rounds >= 7;
  const taken = `${keys.toLocaleString('en-US')} keys and ${rounds} rounds or more, at load averages up to ${load.toFixed(0)}.`;
  return isFull
    ? `Taken with ${taken}`
    : `**Provisional:** taken with ${taken} The goals are for 100,000 keys and 7 rounds.`;
}

function roundsOf(figures: RowResult['figures']): number {
  return Math.max(...Object.values(figures).flatMap((ofSide) => Object.values(ofSide).map((all) => all.length)));
}

function detailTable(row: Row, { server, keys, clients, at, commit, load, figures }: RowResult): string {
  const sides = Object.entries(row.sides).filter(([side]) => figures[side] !== undefined);
  const metrics = Object.entries(row.metrics).filter(([metric]) =>
    sides.some(([side]) => figures[side]?.[metric] !== undefined),
  );
  const heading = [
    server === '' ? undefined : serverName(server),
    `${clients === undefined ? '' : `${clients} clients, `}${keys.toLocaleString('en-US')} keys`,
    `${roundsOf(figures)} rounds`,
    `${at.slice(0, 10)} at ${commit}`,
    `load average before: ${load.toFixed(1)}`,
  ];
  // Many metrics are easier to read as rows than as columns.
  const across = metrics.length <= 8;
  const cell = (side: string, metric: string): string => {
    const values = figures[side]?.[metric];
    return values === undefined ? '' : formatSummary(summarize(values), row.metrics[metric]?.unit ?? 'count');
  };
  const table = across
    ? markdownTable(
        ['', ...metrics.map(([, { label }]) => label)],
        sides.map(([side, { label }]) => [label, ...metrics.map(([metric]) => cell(side, metric))]),
      )
    : markdownTable(
        ['', ...sides.map(([, { label }]) => label)],
        metrics.map(([metric, { label }]) => [label, ...sides.map(([side]) => cell(side, metric))]),
      );
  return `${heading.filter((part) => part !== undefined).join(', ')}:\n\n${table}`;
}
