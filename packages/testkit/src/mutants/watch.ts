import type { WatchBatch } from '@holdfast/store';
import { atNth, changeBatches, changeWatches, NTH, overlay } from './change.js';
import type { Mutant } from './mutant.js';

export const watchMutants: readonly Mutant[] = [
  {
    id: 'C10.lost-event',
    title: 'one event is lost',
    caughtBy: [
      'C10.concurrent-writers',
      'C10.every-write-once-in-order',
      'C10.long-backlog',
      'C10.progress-is-never-early',
      'C10.wide-revision-in-one-batch',
      'C11.late-reader-gets-all',
      'C11.one-revision-may-exceed',
      'C11.others-do-not-notice',
      'C11.outage-behind-a-full-queue',
      'C11.resume-of-a-late-reader',
    ],
    apply: (store) =>
      changeBatches(
        store,
        atNth(NTH, (batch) => (batch.events.length > 1 ? [{ ...batch, events: batch.events.slice(1) }] : [])),
      ),
  },
  {
    id: 'C10.duplicate-event',
    title: 'one event is told twice',
    caughtBy: [
      'C10.concurrent-writers',
      'C10.every-write-once-in-order',
      'C10.long-backlog',
      'C10.progress-is-never-early',
      'C11.late-reader-gets-all',
      'C11.others-do-not-notice',
      'C11.outage-behind-a-full-queue',
      'C11.resume-of-a-late-reader',
    ],
    apply: (store) =>
      changeBatches(
        store,
        atNth(NTH, (batch) => [batch, batch]),
      ),
  },
  {
    id: 'C10.reordered-events',
    title: 'two events change places',
    caughtBy: [
      'C10.concurrent-writers',
      'C10.every-write-once-in-order',
      'C10.long-backlog',
      'C10.progress-is-never-early',
      'C11.late-reader-gets-all',
      'C11.others-do-not-notice',
      'C11.outage-behind-a-full-queue',
      'C11.resume-of-a-late-reader',
    ],
    apply: (store) =>
      changeBatches(store, () => {
        let seen = 0;
        let held: WatchBatch | 'told' | undefined;
        return (batch) => {
          seen += batch.events.length;
          if (held === undefined && seen >= NTH) {
            held = batch;
            return [];
          }
          if (held === undefined || held === 'told' || batch.events.length === 0) return [batch];
          const late = held;
          held = 'told';
          return [batch, late];
        };
      }),
  },
  {
    id: 'C10.torn-revision',
    title: 'the events of one revision come in two batches (trap 8)',
    caughtBy: [
      'C10.resume-keeps-revisions-whole',
      'C10.wide-revision-in-one-batch',
      'C11.one-revision-may-exceed',
      'C6.range-delete-is-one-revision',
      'C8.expiry-deletes-at-one-revision',
      'C8.revoke-deletes-at-one-revision',
      'C9.one-batch',
    ],
    apply: (store) =>
      changeBatches(store, () => (batch) => {
        const [first, ...rest] = batch.events;
        const torn = first !== undefined && rest.length > 0 && rest.every((event) => event.revision === first.revision);
        return torn
          ? [
              { ...batch, events: [first] },
              { ...batch, events: rest },
            ]
          : [batch];
      }),
  },
  {
    id: 'C10.coalesced',
    title: 'of several puts of one key in a row only the last is told',
    caughtBy: ['C10.no-coalescing'],
    apply: (store) =>
      changeBatches(store, () => {
        let last: string | undefined;
        let count = 0;
        return (batch) => {
          const [event] = batch.events;
          const key = event?.type === 'put' ? event.current.key : undefined;
          count = key !== undefined && key === last ? count + 1 : 0;
          last = key;
          return count === 20 ? [] : [batch];
        };
      }),
  },
  {
    id: 'C10.two-consumers',
    title: 'a watch can be iterated twice, and each iteration gets a part',
    caughtBy: ['C10.one-consumer'],
    apply: (store) =>
      changeWatches(store, (watch) => {
        let iterator: AsyncIterator<WatchBatch> | undefined;
        return overlay(watch, { [Symbol.asyncIterator]: () => (iterator ??= watch[Symbol.asyncIterator]()) });
      }),
  },
];
