import { quoted } from '@holdfast/store/adapter';
import { CompactedError, type Revision, StoreError, type WriteOutcome } from '@holdfast/store';

// The refusals of this store. Those of writes say `not-applied`: inside the process that is always certain.

export function compacted(
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

export function futureRevision(asked: number, head: number, outcome?: WriteOutcome): StoreError {
  return new StoreError(
    'future-revision',
    `revision ${asked} is in the future: the store is at ${head}; use a revision that this store gave`,
    { outcome },
  );
}

export function historyChanged(why: string): StoreError {
  return new StoreError('history-changed', `${why}; read everything again, and watch from that read's bookmark`);
}

export function keyNotFound(key: string, option: string): StoreError {
  return new StoreError('not-found', `${option} needs key ${quoted(key)} to exist, and it does not`, {
    outcome: 'not-applied',
  });
}

export function invalidArgument(message: string): StoreError {
  return new StoreError('invalid-argument', message, { outcome: 'not-applied' });
}

export function closed(): StoreError {
  return new StoreError('closed', 'the store was closed; make another with memoryStore(), or connect() before closing');
}
