import { type Bookmark, StoreError } from '@holdfast/store';

/**
 * Whether a state that was read is of another history than `known`, or an older one: it can't have come of `known`. A linearizable read
 * gives such a state only if the store went back since `known` was read (C13, docs/traps.md#trap-7).
 *
 * `false` proves nothing: two histories may share their identity (docs/traps.md#trap-17), and the other one may have got as far.
 */
export function isOtherOrOlder(read: Bookmark, known: Bookmark | undefined): boolean {
  return known !== undefined && (read.identity !== known.identity || read.revision < known.revision);
}

/** @throws StoreError `history-changed` if the state that was read is of another history than `known`, or older */
export function checkContinues(read: Bookmark, known: Bookmark | undefined): void {
  if (known === undefined || !isOtherOrOlder(read, known)) return;
  throw new StoreError(
    'history-changed',
    `the store answered with revision ${read.revision} of history ${read.identity}, after revision ${known.revision} of history ${known.identity}`,
  );
}

/**
 * For what may be late, such as a batch or progress: it is dropped if it is older.
 *
 * @throws StoreError `history-changed` if it is of another history than `known`
 */
export function checkIdentity(told: Bookmark, known: Bookmark | undefined): void {
  if (known === undefined || told.identity === known.identity) return;
  throw new StoreError(
    'history-changed',
    `the store told of revision ${told.revision} of history ${told.identity}, after revision ${known.revision} of history ${known.identity}`,
  );
}
