import type { Violation } from '@holdfast/testkit';
import type { Cell } from './cell.js';
import type { CoordinationCounts } from './coordination/coordination.js';
import type { FaultKind } from './fault.js';
import type { CampaignSettings } from './settings.js';
import type { StoreFaultKind } from './stores/store-fault-kind.js';

/**
 * How a convergence time is to be read: `plain` is held against the goal, `keepalive` against the configured bound, and the others are
 * reported apart: `backlog`, more than 1,000 revisions were missed; `relist`, a mirror read everything again, with jitter.
 * `leaderless`: a connection to a member without a leader had to be left; held against a bound of its own.
 */
export type ConvergenceClass = 'plain' | 'keepalive' | 'backlog' | 'relist' | 'leaderless';

/** One injection, as it is reported: with its cell, kind and seed it can be run again. */
export interface InjectionReport {
  readonly cell: string;
  readonly kind: FaultKind | StoreFaultKind;
  readonly seed: number;
  readonly details: Readonly<Record<string, string | number | boolean>>;
  /** From the first linearizable read that succeeded after healing; absent where mirrors did not converge. */
  readonly convergenceMs?: number;
  /** From the acknowledgement of the first write after that read until all mirrors show it. */
  readonly followsMs?: number;
  readonly class: ConvergenceClass;
  /** Of mirrors and raw watches together, since the injection before. */
  readonly eventsChecked: number;
  readonly looks: number;
  /** What coordinators did meanwhile, where they took part. */
  readonly coordination?: CoordinationCounts;
  readonly tookMs: number;
  readonly violations: readonly Violation[];
}

/** Something that kept an injection from counting: no verdict on Holdfast. */
export interface Mishap {
  readonly cell: string;
  readonly kind: FaultKind | StoreFaultKind;
  readonly seed: number;
  readonly why: 'not-injected' | 'harness';
  readonly message: string;
}

export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface Totals {
  readonly injections: number;
  readonly violations: number;
  readonly eventsChecked: number;
  readonly byKind: Readonly<Record<string, number>>;
  readonly byCell: Readonly<Record<string, number>>;
  readonly byKindAndCell: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** In milliseconds, by class. */
  readonly convergence: Readonly<Record<string, Percentiles>>;
  readonly following: Readonly<Record<string, Percentiles>>;
  readonly convergenceByKind: Readonly<Record<string, Readonly<Record<string, Percentiles>>>>;
  /** Of all injections with coordinators. */
  readonly coordination?: CoordinationCounts & { readonly injections: number };
}

/** One run of the campaign, of those that a report was merged from. */
export interface ReportPart {
  readonly commit: string;
  readonly startedAt: string;
  readonly tookMs: number;
  readonly seed: number;
  readonly node: string;
  readonly kinds: readonly (FaultKind | StoreFaultKind)[];
  readonly injections: number;
}

export interface CampaignReport {
  /** Of a merged report: its parts, in the order in which they were merged. The fields below are the first one's. */
  readonly parts?: readonly ReportPart[];
  readonly commit: string;
  readonly startedAt: string;
  readonly tookMs: number;
  readonly seed: number;
  readonly node: string;
  readonly settings: Readonly<Record<Cell['api'], CampaignSettings>> & { readonly stores?: CampaignSettings };
  readonly totals: Totals;
  readonly mishaps: readonly Mishap[];
  readonly injections: readonly InjectionReport[];
}

/**
 * One report of several: all their injections, each part with its own commit and date. Kinds that are new can so be added to a report of those
 * that were there before.
 *
 * @throws RangeError without reports, or where the same injection is in two of them
 */
export function mergeReports(reports: readonly CampaignReport[]): CampaignReport {
  const [first] = reports;
  if (first === undefined) throw new RangeError('--merge needs reports');
  const injections = reports.flatMap((report) => report.injections);
  const names = injections.map(({ cell, kind, seed }) => `${cell} ${kind} ${seed}`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new RangeError(`--merge: ${twice} is in two of the reports`);
  return {
    ...first,
    parts: reports.flatMap((report) => report.parts ?? [partOf(report)]),
    // The newest has the settings that were added since.
    settings: Object.assign({}, ...reports.map(({ settings }) => settings)) as CampaignReport['settings'],
    tookMs: reports.reduce((sum, { tookMs }) => sum + tookMs, 0),
    totals: totalsOf(injections),
    mishaps: reports.flatMap(({ mishaps }) => mishaps),
    injections,
  };
}

function partOf({ commit, startedAt, tookMs, seed, node, injections }: CampaignReport): ReportPart {
  const kinds = [...new Set(injections.map(({ kind }) => kind))].sort();
  return { commit, startedAt, tookMs, seed, node, kinds, injections: injections.length };
}

export function totalsOf(injections: readonly InjectionReport[]): Totals {
  const count = (key: (report: InjectionReport) => string, of: readonly InjectionReport[] = injections) =>
    Object.fromEntries([...grouped(of, key)].map(([name, reports]) => [name, reports.length]));
  const times = (of: readonly InjectionReport[]) =>
    Object.fromEntries(
      [...grouped(of, (report) => report.class)].map(([name, reports]) => [
        name,
        percentiles(reports.flatMap(({ convergenceMs }) => convergenceMs ?? [])),
      ]),
    );
  const following = [...grouped(injections, (report) => report.class)].map(([name, reports]) => [
    name,
    percentiles(reports.flatMap(({ followsMs }) => followsMs ?? [])),
  ]);
  const kinds = [...grouped(injections, ({ kind }) => kind)];
  return {
    injections: injections.length,
    violations: injections.reduce((sum, { violations }) => sum + violations.length, 0),
    eventsChecked: injections.reduce((sum, { eventsChecked }) => sum + eventsChecked, 0),
    byKind: count(({ kind }) => kind),
    byCell: count(({ cell }) => cell),
    byKindAndCell: Object.fromEntries(kinds.map(([kind, of]) => [kind, count(({ cell }) => cell, of)])),
    convergence: times(injections),
    following: Object.fromEntries(following) as Totals['following'],
    convergenceByKind: Object.fromEntries(kinds.map(([kind, of]) => [kind, times(of)])),
    ...coordinationIn(injections),
  };
}

function coordinationIn(injections: readonly InjectionReport[]): Pick<Totals, 'coordination'> {
  const counts = injections.flatMap(({ coordination }) => coordination ?? []);
  const [first] = counts;
  if (first === undefined) return {};
  const sum = (name: keyof CoordinationCounts) => counts.reduce((total, each) => total + each[name], 0);
  const names = Object.keys(first) as (keyof CoordinationCounts)[];
  const sums = Object.fromEntries(names.map((name) => [name, sum(name)])) as unknown as CoordinationCounts;
  return { coordination: { injections: counts.length, ...sums } };
}

export function percentiles(milliseconds: readonly number[]): Percentiles {
  const times = [...milliseconds].sort((a, b) => a - b);
  // The nearest rank: of few injections the p99 is the longest.
  const at = (share: number) => times[Math.max(0, Math.ceil(times.length * share) - 1)] ?? 0;
  return { count: times.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

function grouped<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}
