import type { Violation } from '@holdfast/testkit';
import type { Generation } from '../plans/generate.js';
import { type Quantiles, quantiles } from './campaign-result.js';
import type { CampaignRun, CampaignState } from './campaign-state.js';
import type { Stats } from '../world/stats.js';

export interface ReportOf {
  readonly state: CampaignState;
  readonly command: string;
  readonly jobs: number;
}

/** The stored result of a campaign: plain data, the most frequent fault first. */
export interface CampaignReport {
  readonly command: string;
  /** The generation of worlds. Default: 2. */
  readonly generation?: Generation;
  readonly seeds: { readonly first: number; readonly run: number };
  /** If several commands ran it, one after another: the seeds of each. */
  readonly runs?: readonly CampaignRun[];
  readonly violations: number;
  readonly failures: readonly { readonly seed: number; readonly violations: readonly Violation[] }[];
  /** Worlds with histories that can't be distinguished. They were not judged. */
  readonly setAside: number;
  readonly seconds: number;
  readonly worldsPerMinute: number;
  readonly jobs: number;
  readonly checked: Readonly<Stats>;
  readonly faults: Readonly<Record<string, number>>;
  readonly faultsInAll: number;
  /** In virtual milliseconds. */
  readonly convergenceMs: Quantiles | undefined;
  readonly convergenceMsAfter: Readonly<Record<string, Quantiles | undefined>>;
}

export function report({ state, command, jobs }: ReportOf): CampaignReport {
  const { first, generation, runs, result } = state;
  const seconds = runs.reduce((sum, run) => sum + run.seconds, 0);
  const faults = Object.entries(result.faults).sort(([, a], [, b]) => b - a);
  return {
    command,
    generation,
    seeds: { first, run: result.seeds },
    ...(runs.length > 1 ? { runs } : {}),
    violations: result.failures.length,
    setAside: result.setAside,
    failures: result.failures.map(({ seed, violations }) => ({ seed, violations: violations.slice(0, 5) })),
    seconds,
    worldsPerMinute: Math.round((result.seeds / Math.max(1, seconds)) * 60),
    jobs,
    checked: result.stats,
    faults: Object.fromEntries(faults),
    faultsInAll: faults.reduce((sum, [, count]) => sum + count, 0),
    convergenceMs: quantiles(result.convergence),
    convergenceMsAfter: Object.fromEntries(
      faults.flatMap(([fault]) => {
        const own = result.convergenceAfter[fault];
        return own === undefined ? [] : [[fault, quantiles(own)]];
      }),
    ),
  };
}
