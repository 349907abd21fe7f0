import type { Violation } from '@holdfast/testkit';
import type { RunOptions } from '../run-options.js';
import { addCounts } from '../world/stats.js';

/** What came of one world. */
export interface WorldOutcome<S> {
  readonly violations: readonly Violation[];
  /** Whether there were violations, in a world with histories that can't be told apart. */
  readonly isSetAside: boolean;
  readonly stats: Readonly<S>;
  /** Fault → how often it happened. */
  readonly faults: Readonly<Record<string, number>>;
}

export interface WorldFailure<P> {
  readonly seed: number;
  readonly plan: P;
  readonly violations: readonly Violation[];
}

/** Worlds of one kind, beside those of mirrors: their plans `P`, and their counts `S`. */
export interface Worlds<P, S, O extends Pick<RunOptions, 'trace'>> {
  /** The option of the command that asks for them. */
  readonly option: string;
  readonly generate: (seed: number) => P;
  readonly run: (plan: P, options: O) => Promise<WorldOutcome<S>>;
  readonly shrink: (failure: WorldFailure<P>) => Promise<WorldFailure<P>>;
  readonly noStats: () => S;
}

export interface WorldsCampaignOptions<P> {
  readonly first: number;
  readonly seeds: number;
  /** Called after each world; `false` ends the campaign. */
  readonly onSeed?: (seed: number, failure: WorldFailure<P> | undefined) => boolean | undefined;
}

/** What came of many worlds. */
export interface WorldsResult<P, S> {
  readonly seeds: number;
  readonly failures: readonly WorldFailure<P>[];
  /** Worlds with histories that can't be told apart. They were not judged. */
  readonly setAside: number;
  readonly stats: Readonly<S>;
  readonly faults: Readonly<Record<string, number>>;
}

/** Runs the worlds of a range of seeds, one after another. */
export async function runWorlds<P, S extends Record<keyof S, number>, O extends Pick<RunOptions, 'trace'>>(
  worlds: Worlds<P, S, O>,
  options: WorldsCampaignOptions<P> & O,
): Promise<WorldsResult<P, S>> {
  const { first, seeds, onSeed } = options;
  const stats: Record<keyof S, number> = worlds.noStats();
  const faults: Record<string, number> = {};
  const failures: WorldFailure<P>[] = [];
  let run = 0;
  let setAside = 0;
  for (let seed = first; seed < first + seeds; seed += 1) {
    const plan = worlds.generate(seed);
    const outcome = await worlds.run(plan, options);
    const { violations } = outcome;
    run += 1;
    if (outcome.isSetAside) setAside += 1;
    for (const name of Object.keys(stats) as (keyof S)[]) stats[name] += outcome.stats[name];
    addCounts(faults, outcome.faults);
    const failure = violations.length === 0 ? undefined : { seed, plan, violations };
    if (failure !== undefined) failures.push(failure);
    if (onSeed?.(seed, failure) === false) break;
  }
  return { seeds: run, failures, setAside, stats: stats as S, faults };
}
