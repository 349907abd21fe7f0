/** A seed whose world once broke a promise, and why. A change of the generator gives it another world: keep a named test beside it. */
export interface Regression {
  readonly seed: number;
  readonly what: string;
}

export const regressions: readonly Regression[] = [
  {
    seed: 212,
    what: 'a bad value that went back to the last good one gave the unchanged entry another object, in a resync',
  },
  { seed: 407, what: 'the same, in another collection' },
  {
    seed: 153,
    what: 'without historical reads, a restore between load and first watch put one history on top of another',
  },
  { seed: 583, what: 'the same, while the load of another mirror was under way' },
  {
    seed: 315,
    what: 'sync() was done as soon as the head of another history was as far as the mirror, while the watch had no connection',
  },
  { seed: 481, what: 'the same by the proof that keeps a mirror live' },
  { seed: 687, what: 'a wall clock set back by 100 s kept a complete mirror stale for as long' },
  {
    seed: 5653,
    what: 'batches of a history that was replaced again while they waited unverified were taken in; here behind a consumer whose budget was used up, by an adapter that did not tell of the loss',
  },
  {
    seed: 16265,
    what: 'a read of what changed since the newest entry, in a history in which that entry is not there, counted as proof that nothing did',
  },
  {
    seed: 12222,
    what: 'the newest key belonged to no collection, and told two histories apart by its revision only',
  },
];
