import type { Bookmark, KeyValue, ListResult, Op, OpResult, Revision } from '@holdfast/store';
import { StoreError } from '@holdfast/store';
import { candidates, queuePrefix } from '../names.js';

/** Who stands in a queue, the oldest first, at one revision. */
export interface Queue {
  readonly bookmark: Bookmark;
  readonly places: readonly KeyValue[];
}

export function queueOf(name: string, { items, bookmark }: ListResult): Queue {
  return { bookmark, places: candidates(name, items) };
}

/** Reads the queue, as the last operation of a transaction. */
export function readQueue(name: string): Op {
  return { type: 'list', range: { prefix: queuePrefix(name) }, keysOnly: true };
}

/** What {@link readQueue} gave. */
export function queueIn(name: string, results: readonly OpResult[]): Queue {
  const last = results.at(-1);
  if (last?.type === 'list') return queueOf(name, last);
  throw new StoreError('internal', `the store did not list the queue of ${name}`, { retryable: true });
}

/** Our place in a queue: the key that we wrote, with the revision that created it. */
export interface Place {
  readonly key: string;
  readonly createRevision: Revision;
  /** Whether the write of the key was answered. Otherwise questions about it may still be on their way. */
  readonly isAnswered: boolean;
}

/** The candidate directly before this place; `undefined` if it is the first; `'gone'` if the place itself is not there any more. */
export function before(place: Place, { places }: Queue): KeyValue | undefined | 'gone' {
  const index = places.findIndex(
    ({ key, createRevision }) => key === place.key && createRevision === place.createRevision,
  );
  return index < 0 ? 'gone' : places[index - 1];
}
