import { type CampaignResult, quantiles } from './campaign-result.js';

export interface ReportOf {
  readonly result: CampaignResult;
  readonly command: string;
  readonly first: number;
  readonly seconds: number;
  readonly jobs: number;
}

/** What a campaign came to, as it is kept: plain data, the most frequent fault first. */
export function report({ result, command, first, seconds, jobs }: ReportOf) {
  const faults = Object.entries(result.faults).sort(([, a], [, b]) => b - a);
  return {
    command,
    seeds: { first, run: result.seeds },
    violations: result.failures.length,
    setAside: result.setAside,
    failures: result.failures.map(({ seed, violations }) => ({ seed, violations: violations.slice(0, 5) })),
    seconds: Math.round(seconds),
    worldsPerMinute: Math.round((result.seeds / seconds) * 60),
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
