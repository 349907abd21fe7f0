/** How often something was done, by its kind. */
export type Counts = Record<string, number>;

export function count(counts: Counts, kind: string): void {
  counts[kind] = (counts[kind] ?? 0) + 1;
}

export function addCounts(counts: Counts, more: Readonly<Counts>): void {
  for (const [kind, times] of Object.entries(more)) counts[kind] = (counts[kind] ?? 0) + times;
}

/** The same, the most frequent first. */
export function sortCounts(counts: Readonly<Counts>): Counts {
  return Object.fromEntries(Object.entries(counts).sort(([, a], [, b]) => b - a));
}

/** What was made in a run of plans. */
export interface Tally {
  /** Calls, by method and what is special about them. */
  readonly calls: Counts;
  /** What came of them: `answer`, or the code of a refusal. */
  readonly outcomes: Counts;
  readonly watches: Counts;
  /** Where the two stores differed in what is not promised. */
  readonly allowances: Counts;
}

export function noTally(): Tally {
  return { calls: {}, outcomes: {}, watches: {}, allowances: {} };
}

export function addTally(tally: Tally, more: Tally): void {
  addCounts(tally.calls, more.calls);
  addCounts(tally.outcomes, more.outcomes);
  addCounts(tally.watches, more.watches);
  addCounts(tally.allowances, more.allowances);
}
