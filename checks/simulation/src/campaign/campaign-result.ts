import type { Violation } from '@holdfast/testkit';
import type { Plan } from '../plans/plan.js';
import { addCounts, addStats, noStats, type Stats } from '../world/stats.js';
import type { Outcome } from '../world/outcome.js';

export interface Failure {
  readonly seed: number;
  readonly plan: Plan;
  readonly violations: readonly Violation[];
}

/** Virtual milliseconds → the number of worlds that took that long. */
export type Histogram = Readonly<Record<string, number>>;

/** The result of many worlds. It is plain data, so that several processes can each do a part. */
export interface CampaignResult {
  readonly seeds: number;
  readonly failures: readonly Failure[];
  /** Worlds with histories that can't be distinguished. They were not judged. */
  readonly setAside: number;
  readonly stats: Readonly<Stats>;
  /** Fault → how often it happened. */
  readonly faults: Readonly<Record<string, number>>;
  /** The time from the end of the last fault until all mirrors were live and equal. */
  readonly convergence: Histogram;
  /** The same, for worlds in which this fault had happened shortly before. */
  readonly convergenceAfter: Readonly<Record<string, Histogram>>;
}

/** Adds up the results of worlds, or of parts of a campaign. */
export class CampaignTotals {
  readonly #failures: Failure[] = [];
  readonly #stats = noStats();
  readonly #faults: Record<string, number> = {};
  readonly #convergence: Record<string, number> = {};
  readonly #convergenceAfter: Record<string, Record<string, number>> = {};
  #seeds = 0;
  #setAside = 0;

  addWorld({ stats, faults, convergence, isSetAside }: Outcome, failure: Failure | undefined): void {
    const isDone = convergence !== undefined && failure === undefined;
    const ms = isDone ? { [convergence.ms]: 1 } : {};
    this.add({
      seeds: 1,
      failures: failure === undefined ? [] : [failure],
      setAside: isSetAside ? 1 : 0,
      stats,
      faults,
      convergence: ms,
      convergenceAfter: isDone ? Object.fromEntries(convergence.after.map((fault) => [fault, ms])) : {},
    });
  }

  add({ seeds, failures, setAside, stats, faults, convergence, convergenceAfter }: CampaignResult): void {
    this.#seeds += seeds;
    this.#setAside += setAside;
    this.#failures.push(...failures);
    addStats(this.#stats, stats);
    addCounts(this.#faults, faults);
    addCounts(this.#convergence, convergence);
    for (const [fault, own] of Object.entries(convergenceAfter)) addCounts((this.#convergenceAfter[fault] ??= {}), own);
  }

  result(): CampaignResult {
    return {
      seeds: this.#seeds,
      failures: this.#failures,
      setAside: this.#setAside,
      stats: this.#stats,
      faults: this.#faults,
      convergence: this.#convergence,
      convergenceAfter: this.#convergenceAfter,
    };
  }
}

export interface Quantiles {
  readonly worlds: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** `undefined` for an empty histogram. */
export function quantiles(histogram: Histogram): Quantiles | undefined {
  const sorted = Object.entries(histogram)
    .map(([ms, worlds]) => ({ ms: Number(ms), worlds }))
    .sort((a, b) => a.ms - b.ms);
  const worlds = sorted.reduce((sum, each) => sum + each.worlds, 0);
  const max = sorted.at(-1)?.ms;
  if (max === undefined) return undefined;
  const at = (share: number) => {
    let left = Math.ceil(share * worlds);
    return sorted.find((each) => (left -= each.worlds) <= 0)?.ms ?? max;
  };
  return { worlds, p50: at(0.5), p99: at(0.99), max };
}
