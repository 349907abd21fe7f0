import { StoreError } from '@holdfast/store';

// The refusals of this store, beside those of the kit. Those of writes say `not-applied`: inside the process that is always certain.

export function historyChanged(why: string): StoreError {
  return new StoreError('history-changed', `${why}; read everything again, and watch from that read's bookmark`);
}

export function invalidArgument(message: string): StoreError {
  return new StoreError('invalid-argument', message, { outcome: 'not-applied' });
}

export function closed(): StoreError {
  return new StoreError('closed', 'the store was closed; make another with memoryStore(), or connect() before closing');
}
