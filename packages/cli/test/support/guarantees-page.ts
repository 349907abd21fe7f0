import { clauseOf, clauses, conformanceCases, mutants } from '@holdfast/testkit';
import type { CampaignReport as WorldsReport } from '../../../../checks/simulation/src/campaign/report.js';
import type { Regression } from '../../../../checks/simulation/src/campaign/regressions.js';
import type { Regression as ClusterRegression } from '../../../../checks/torture/src/regressions.js';
import type { CampaignReport, Percentiles } from '../../../../checks/torture/src/report.js';
import { GOAL_MS } from '../../../../checks/torture/src/settings.js';
import { clauseCheckers, type Guarantee } from './guarantees.js';

export interface GuaranteesPage {
  readonly guarantees: readonly Guarantee[];
  readonly worlds: WorldsReport;
  readonly clusters: CampaignReport;
  readonly stores: CampaignReport;
  readonly regressions: readonly Regression[];
  readonly clusterBugs: readonly ClusterRegression[];
}

/** How convergence times are to be read. */
const CLASSES = ['plain', 'keepalive', 'leaderless', 'backlog', 'relist'] as const;

const number = (value: number): string => value.toLocaleString('en');
const names = (list: readonly string[]): string =>
  list.length === 0 ? '–' : list.map((name) => `\`${name}\``).join(', ');

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Everything below the page's mark. */
export function guaranteesPage(page: GuaranteesPage): string {
  return [
    '## The mirror',
    table(
      ['promise', 'in simulated worlds', 'on real clusters', 'tests'],
      page.guarantees.map(({ id, name, worlds, clusters, tests }) => [
        `**${id}** ${name}`,
        names(worlds),
        names(clusters),
        tests.map((path) => `[${path.split('/').slice(-1)[0] ?? path}](../packages/${path})`).join(', '),
      ]),
    ),
    '## The store',
    table(
      ['clause', 'conformance cases', 'broken stores they catch', 'in simulated worlds', 'on real clusters'],
      Object.entries(clauses).map(([id, name]) => [
        `**${id}** ${name}`,
        number(conformanceCases.filter((each) => (each.clauses as readonly string[]).includes(id)).length),
        number(mutants.filter((each) => clauseOf(each) === id).length),
        names(clauseCheckers[id]?.worlds ?? []),
        names(clauseCheckers[id]?.clusters ?? []),
      ]),
    ),
    '## Simulated worlds: the latest campaign',
    ...worldsFigures(page.worlds),
    '## Real clusters: the latest campaign',
    ...clustersFigures(page.clusters),
    ...slowest(page.clusters),
    '## Databases and folders: the latest campaign',
    ...storesFigures(page.stores),
    ...slowest(page.stores),
    '## Bugs that the worlds found',
    'All are fixed, and each has a named test in the package that was wrong. `npm test` runs the seeds again.',
    table(
      ['seed', 'generation of worlds', 'what it was'],
      page.regressions.map(({ seed, generation, what }) => [String(seed), String(generation), what]),
    ),
    '## Bugs that the clusters found',
    'All are fixed, and each has a named test in the package that was wrong.',
    table(
      ['injection', 'seed', 'what it was'],
      page.clusterBugs.map(({ cell, kind, seed, what }) => [`${kind} in ${cell}`, String(seed), what]),
    ),
  ].join('\n\n');
}

function worldsFigures(report: WorldsReport): string[] {
  const {
    command,
    generation = 2,
    seeds,
    violations,
    setAside,
    checked,
    faults,
    faultsInAll,
    convergenceMsAfter,
  } = report;
  return [
    `\`${command}\`: **${number(seeds.run)} seeds from ${number(seeds.first)} on, ${number(violations)} violations**, in worlds of generation ${generation}. ` +
      `${number(faultsInAll)} faults, ${number(checked.commits)} commits, ${number(checked.events)} events and ${number(checked.looks)} looks at mirrors were checked; ${number(setAside)} worlds of histories that nobody can tell apart were set aside.`,
    'Convergence is in virtual milliseconds, from the moment when everything heals, over the worlds in which the fault occurred.',
    table(
      ['fault', 'injected', 'convergence p50', 'p99'],
      Object.entries(faults).map(([fault, count]) => {
        const after = convergenceMsAfter[fault];
        return [
          fault,
          number(count),
          after === undefined ? '–' : number(after.p50),
          after === undefined ? '–' : number(after.p99),
        ];
      }),
    ),
  ];
}

function clustersFigures(report: CampaignReport): string[] {
  const { totals, tookMs, settings } = report;
  const cells = Object.keys(totals.byCell).sort();
  const kinds = Object.entries(totals.byKindAndCell).sort(([a], [b]) => a.localeCompare(b));
  const times = (kind: string, ofClass: string): string => milliseconds(totals.convergenceByKind[kind]?.[ofClass]);
  const bound = (api: 'v3' | 'v2'): string => number(settings[api].keepaliveBoundMs);
  return [
    `**${number(totals.injections)} faults injected, ${number(totals.eventsChecked)} events checked, ${number(totals.violations)} violations.** ` +
      `${begun(report)}, ${number(Math.round(tookMs / 60_000))} minutes of clusters. ` +
      'Every injection with its seed is in [campaign.json](../checks/torture/results/campaign.json); `npm test` makes a random sample of them again.',
    table(
      ['injected', ...cells, 'in all'],
      kinds.map(([kind, byCell]) => [
        kind,
        ...cells.map((cell) => (byCell[cell] === undefined ? '' : number(byCell[cell]))),
        number(totals.byKind[kind] ?? 0),
      ]),
    ),
    'Convergence, in milliseconds, from the first linearizable read that succeeds through any endpoint until every mirror is live and shows what it showed: p50 / p99 (how many). ' +
      `The goal for *plain* is a p99 of 2,000; *keepalive*: a silent connection that only the store's keepalive can notice, with a bound of ${bound('v3')} (v3) and ${bound('v2')} (v2) as configured; ` +
      `*leaderless*: a member without a leader behind one name, which has to be left for another one, with a bound of ${number(settings.v3.leaderlessBoundMs)}; ` +
      '*backlog*: more than 1,000 revisions were missed; *relist*: a mirror read everything again, after a random pause. 0: the mirrors were there when the read was. *following* is stricter: from the acknowledgement of the first write after that until all mirrors show it.',
    table(
      ['fault', ...CLASSES],
      [
        ...kinds.map(([kind]) => [kind, ...CLASSES.map((each) => times(kind, each))]),
        ['**all**', ...CLASSES.map((each) => milliseconds(totals.convergence[each]))],
        ['*following*', ...CLASSES.map((each) => milliseconds(totals.following[each]))],
      ],
    ),
  ];
}

/** The same of stores that need no cluster. */
function storesFigures(report: CampaignReport): string[] {
  const { totals, tookMs, settings } = report;
  const cells = Object.keys(totals.byCell).sort();
  const kinds = Object.entries(totals.byKindAndCell).sort(([a], [b]) => a.localeCompare(b));
  return [
    `**${number(totals.injections)} faults injected, ${number(totals.eventsChecked)} events checked, ${number(totals.violations)} violations.** ` +
      `${begun(report)}, ${number(Math.round(tookMs / 60_000))} minutes. ` +
      'Every injection with its seed is in [stores.json](../checks/torture/results/stores.json); `npm test` makes a random sample of them again. ' +
      `The bound of *keepalive* is ${number(settings.stores?.keepaliveBoundMs ?? NaN)} ms.`,
    table(
      ['injected', ...cells, 'in all', ...CLASSES],
      kinds.map(([kind, byCell]) => [
        kind,
        ...cells.map((cell) => (byCell[cell] === undefined ? '' : number(byCell[cell]))),
        number(totals.byKind[kind] ?? 0),
        ...CLASSES.map((each) => milliseconds(totals.convergenceByKind[kind]?.[each])),
      ]),
    ),
  ];
}

/** Of a merged report, when each of its parts was made. */
function begun({ commit, startedAt, parts = [] }: CampaignReport): string {
  const when = (part: Pick<CampaignReport, 'commit' | 'startedAt'>): string =>
    `${part.startedAt.slice(0, 10)} at commit \`${part.commit.slice(0, 7)}\``;
  const [first, ...others] = parts;
  if (first === undefined) return `Begun ${when({ commit, startedAt })}`;
  // Runs of one day at one commit are told as one.
  const added = [...new Set(others.map(when))].map((each) => {
    const own = others.filter((part) => when(part) === each);
    const kinds = [...new Set(own.flatMap((part) => part.kinds))].sort();
    return `${number(own.reduce((sum, { injections }) => sum + injections, 0))} of ${names(kinds)} added ${each}`;
  });
  return [`Begun ${when(first)}`, ...added].join('; ');
}

/** The goal is a p99: what was beyond it is told, so that it can be made again. */
function slowest({ injections }: CampaignReport): string[] {
  const late = injections.filter(
    (each) => each.class === 'plain' && Math.max(each.convergenceMs ?? Infinity, each.followsMs ?? 0) > GOAL_MS,
  );
  if (late.length === 0) return [];
  const told = late.map(({ kind, cell, seed, convergenceMs = NaN, followsMs = NaN }) => {
    return `${kind} in ${cell} (seed ${seed}): ${number(Math.round(convergenceMs))}, following ${number(Math.round(followsMs))}`;
  });
  return [`Of the plain ones ${number(late.length)} took longer than ${number(GOAL_MS)}: ${told.join('; ')}.`];
}

function milliseconds(times: Percentiles | undefined): string {
  return times === undefined
    ? ''
    : `${number(Math.round(times.p50))} / ${number(Math.round(times.p99))} (${number(times.count)})`;
}
