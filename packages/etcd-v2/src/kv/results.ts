import type { DeleteResult, KeyValue, PutResult } from '@holdfast/store';
import type { DriverDeleteOptions, DriverPutOptions } from '@holdfast/store/adapter';
import type { AnswerHead } from '../connection/call.js';
import { bookmarkOf } from './reads.js';

/** The result of a guarded write. */
export type Outcome =
  | { readonly succeeded: true; readonly answer: AnswerHead; readonly previous: KeyValue | undefined }
  | { readonly succeeded: false; readonly answer: AnswerHead };

/** The result of a put that was applied. */
export function putResult(outcome: Outcome, { previous, ttl }: Pick<DriverPutOptions, 'previous' | 'ttl'>): PutResult {
  const { revision } = bookmarkOf(outcome.answer);
  return {
    revision,
    ...(previous && outcome.succeeded && outcome.previous !== undefined && { previous: outcome.previous }),
    // The server always grants the requested time to live.
    ...(ttl !== undefined && { ttl }),
  };
}

/** The result of a deletion of one key that was there. */
export function deleteResult(outcome: Outcome & { succeeded: true }, { previous }: DriverDeleteOptions): DeleteResult {
  const { answer } = outcome;
  return {
    revision: bookmarkOf(answer).revision,
    deleted: 1,
    ...(previous && { previous: outcome.previous === undefined ? [] : [outcome.previous] }),
  };
}
