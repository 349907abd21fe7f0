import type { Generation } from '../plans/generate.js';

/** A seed whose world once broke a promise, with the reason. A change of the generator changes its world, so keep a named test beside it. */
export interface Regression {
  readonly seed: number;
  /** The generation of the world. */
  readonly generation: Generation;
  readonly what: string;
}

export const regressions: readonly Regression[] = [
  {
    seed: 212,
    generation: 1,
    what: 'a bad value that went back to the last good one gave the unchanged entry another object, in a resync',
  },
  { seed: 407, generation: 1, what: 'the same, in another collection' },
  {
    seed: 153,
    generation: 1,
    what: 'without historical reads, a restore between load and first watch put one history on top of another',
  },
  { seed: 583, generation: 1, what: 'the same, while the load of another mirror was under way' },
  {
    seed: 315,
    generation: 1,
    what: 'sync() was done as soon as the head of another history was as far as the mirror, while the watch had no connection',
  },
  { seed: 481, generation: 1, what: 'the same by the proof that keeps a mirror live' },
  { seed: 687, generation: 1, what: 'a wall clock set back by 100 s kept a complete mirror stale for as long' },
  {
    seed: 5653,
    generation: 1,
    what: 'batches of a history that was replaced again while they waited unverified were taken in; here behind a consumer whose budget was used up, by an adapter that did not tell of the loss',
  },
  {
    seed: 16265,
    generation: 1,
    what: 'a read of what changed since the newest entry, in a history in which that entry is not there, counted as proof that nothing did',
  },
  {
    seed: 12222,
    generation: 1,
    what: 'the newest key belonged to no collection, and told two histories apart by its revision only',
  },
  {
    seed: 253707,
    generation: 1,
    what: 'what a watch that had ended still held was put on top of another history, which had been read and verified meanwhile',
  },
  {
    seed: 205,
    generation: 2,
    what: 'a listener closed its mirror: a debounced subscription heard of the step after it was let go, and left a timer',
  },
  {
    seed: 1308,
    generation: 2,
    what: 'an audit took a key for a difference that had been deleted by a load while it ran, and had everything read again',
  },
  {
    seed: 6285,
    generation: 2,
    what: 'the same, with a delta: what came and went between the mirror and it, and was there when the audit read, is in no step',
  },
  { seed: 18615, generation: 2, what: 'the same, with a proof that nothing had changed' },
  {
    seed: 3681,
    generation: 2,
    what: 'a mirror that was aborted between a step and its telling, one turn later, showed what its listeners were not told',
  },
  {
    seed: 4340,
    generation: 2,
    what: 'the store went back between the two reads of a proof: the second, older than the mirror, counted as one that the watch had overtaken',
  },
  {
    seed: 32552,
    generation: 2,
    what: 'the store went back while a proof waited for the watch: what the proof had read before was taken in after another proof had read the other history',
  },
  {
    seed: 56704,
    generation: 2,
    what: 'a resync that spares values took a key that was gone at the mirror’s own revision for nothing new: it was another history that had got as far',
  },
  { seed: 9211, generation: 2, what: 'the same, behind connections that seemed to stay up' },
  {
    seed: 37348,
    generation: 2,
    what: 'the newest entry was deleted while what had changed since it was read: that nothing had, not even it, was taken for another history',
  },
  {
    seed: 126,
    generation: 3,
    what: 'a member of another cluster answered at one endpoint, then at another one: within a minute that counted as two votes of three, and its content was shown',
  },
  {
    seed: 402167,
    generation: 3,
    what: 'behind a balancer, five of nine connections of a store that had just begun led to one fresh member of three: it followed that member',
  },
  {
    seed: 111,
    generation: 6,
    what: 'a mirror whose store answered in time lost the last good values that its snapshot had, and wrote that over the snapshot',
  },
  {
    seed: 121,
    generation: 6,
    what: 'a store of the same identity that was wiped, and was ahead again, replaced the snapshot: its past was not compared',
  },
  {
    seed: 632,
    generation: 6,
    what: 'a wall clock that was set back kept a change from being written to the snapshot until it had caught up',
  },
  {
    seed: 1642,
    generation: 7,
    what: 'a wall clock that was set back kept a mirror from being certain of another history until it had caught up',
  },
  {
    seed: 2238,
    generation: 7,
    what: 'a disk that failed while a log was synced rejected what nobody handled',
  },
  {
    seed: 4250,
    generation: 7,
    what: 'a store that was wiped while its past was compared with a snapshot was asked for that past for ever',
  },
  {
    seed: 5041,
    generation: 7,
    what: 'a snapshot of another history was replaced while the store could not be asked for its past, and not kept',
  },
  {
    seed: 5754,
    generation: 7,
    what: 'the same, where the store answered that with an error',
  },
  {
    seed: 3005,
    generation: 7,
    what: 'a mirror that closed waited for its store, to compare a snapshot with its past',
  },
  {
    seed: 18553,
    generation: 7,
    what: 'a store that went back to between a snapshot and what had come since was asked for ever whether it is another one',
  },
  {
    seed: 54856,
    generation: 7,
    what: 'a snapshot was judged to contradict the one before by a key whose bad value that one had as well',
  },
  {
    seed: 57701,
    generation: 7,
    what: 'a load piece by piece put the pieces of two histories together, since its store was put back meanwhile',
  },
  {
    seed: 76529,
    generation: 7,
    what: 'a store that had not answered checks of the history was left alone for long, although it was well again',
  },
  {
    seed: 76923,
    generation: 7,
    what: 'a link that was slow as well as cut was expected to fail sooner than its reads may',
  },
  {
    seed: 94486,
    generation: 7,
    what: 'a file was taken for late since the mirror had got to a later revision of the same content between two looks',
  },
];
