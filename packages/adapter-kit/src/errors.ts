import { CompactedError, StoreError, type Revision, type WriteOutcome } from '@holdfast/store';
import { quoted } from '@holdfast/store/adapter';

/** The error of a revision whose state, or whose later changes, are gone. @param outcome of a write */
export function compactedError(
  asked: number,
  compactRevision: number,
  head: number,
  outcome?: WriteOutcome,
): CompactedError {
  return new CompactedError(
    `revision ${asked} is compacted: history before ${compactRevision} is gone; read again, and watch from that read's bookmark`,
    { compactRevision: compactRevision as Revision, revision: head as Revision, outcome },
  );
}

/** The error of a revision past the newest one. @param outcome of a write */
export function futureRevision(asked: number, head: number, outcome?: WriteOutcome): StoreError {
  return new StoreError(
    'future-revision',
    `revision ${asked} is in the future: the store is at ${head}; use a revision that this store gave`,
    { outcome },
  );
}

/** The error of a put that keeps a value or a lease, of a key that is not there. @param option its name, such as `ignoreValue` */
export function keyNotFound(key: string, option: string): StoreError {
  return new StoreError('not-found', `${option} needs key ${quoted(key)} to exist, and it does not`, {
    outcome: 'not-applied',
  });
}
