import type { CampaignResult } from './campaign.js';
import { sortCounts, type Counts } from './counts.js';
import { explain } from './explain.js';

/** What a campaign came to on one server: plain data, the most frequent first. */
export interface ArenaReport {
  readonly server: string;
  readonly seeds: { readonly first: number; readonly run: number };
  readonly differences: readonly { readonly seed: number; readonly text: string }[];
  readonly callsInAll: number;
  readonly calls: Readonly<Counts>;
  readonly outcomes: Readonly<Counts>;
  readonly watches: Readonly<Counts>;
  readonly allowances: Readonly<Counts>;
}

export interface FuzzReport {
  readonly command: string;
  readonly seconds: number;
  readonly servers: readonly ArenaReport[];
}

export function reportOf(server: string, first: number, { seeds, tally, failures }: CampaignResult): ArenaReport {
  return {
    server,
    seeds: { first, run: seeds },
    differences: failures.map((failure) => ({ seed: failure.seed, text: explain(server, failure) })),
    callsInAll: Object.values(tally.outcomes).reduce((sum, times) => sum + times, 0),
    calls: sortCounts(tally.calls),
    outcomes: sortCounts(tally.outcomes),
    watches: sortCounts(tally.watches),
    allowances: sortCounts(tally.allowances),
  };
}
