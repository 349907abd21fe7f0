import type { Violation } from '@holdfast/testkit';
import type { WorldsResult } from './worlds.js';

export interface WorldsReportOf<P, S> {
  readonly result: WorldsResult<P, S>;
  readonly command: string;
  readonly first: number;
  readonly seconds: number;
}

/** The stored result of a campaign: plain data, the most frequent fault first. */
export interface WorldsReport<S> {
  readonly command: string;
  readonly seeds: { readonly first: number; readonly run: number };
  readonly violations: number;
  readonly failures: readonly { readonly seed: number; readonly violations: readonly Violation[] }[];
  /** Worlds with histories that can't be told apart. They were not judged. */
  readonly setAside: number;
  readonly seconds: number;
  readonly checked: Readonly<S>;
  readonly faults: Readonly<Record<string, number>>;
  readonly faultsInAll: number;
}

export function worldsReport<P, S>({ result, command, first, seconds }: WorldsReportOf<P, S>): WorldsReport<S> {
  const faults = Object.entries(result.faults).sort(([, a], [, b]) => b - a);
  return {
    command,
    seeds: { first, run: result.seeds },
    violations: result.failures.length,
    failures: result.failures.map(({ seed, violations }) => ({ seed, violations: violations.slice(0, 5) })),
    setAside: result.setAside,
    seconds: Math.round(seconds),
    checked: result.stats,
    faults: Object.fromEntries(faults),
    faultsInAll: faults.reduce((sum, [, count]) => sum + count, 0),
  };
}
