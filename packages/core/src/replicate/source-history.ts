import { type Bookmark, StoreError } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';

/** Whether a state can't have come of an earlier one: the source was restored, wiped, or is another store. */
export function isOtherHistory(from: Bookmark, to: Bookmark): boolean {
  return from.identity !== to.identity || to.revision < from.revision;
}

export function otherHistory(from: Bookmark, to: Bookmark, prefix: string): StoreError {
  return new StoreError(
    'history-changed',
    `the source's ${KeyRange.ofPrefix(prefix).toString()} does not continue what was replicated ` +
      `(revision ${from.revision} of history ${from.identity}; now revision ${to.revision} of ${to.identity}): ` +
      `it was restored or wiped, or is another store; the target was left as it is; ` +
      `give acceptHistory: true to make it equal to the source all the same`,
    { outcome: 'not-applied' },
  );
}
