import type { Bookmark, Revision, WatchBatch, WatchEvent } from '@holdfast/store';
import { change, changeBatches, changeWatches, overlay } from './change.js';
import type { Mutant } from './mutant.js';

// Late enough that only cases which follow a whole history meet it.
const NTH = 37;

/** Does something to the batch with the n-th event, and leaves the others. */
function atNth(
  nth: number,
  what: (batch: WatchBatch) => readonly WatchBatch[],
): () => (batch: WatchBatch) => readonly WatchBatch[] {
  return () => {
    let seen = 0;
    return (batch) => {
      const before = seen;
      seen += batch.events.length;
      return before < nth && seen >= nth ? what(batch) : [batch];
    };
  };
}

function moved(bookmark: Bookmark, by: number): Bookmark {
  return { ...bookmark, revision: Math.max(1, bookmark.revision + by) as Revision };
}

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
    id: 'C10.resume-skips',
    title: 'a resumed watch begins one revision late',
    caughtBy: [
      'C10.after-excludes-itself',
      'C10.bookmarks-survive-json',
      'C10.list-then-watch',
      'C10.long-backlog',
      'C10.resume-at-the-head',
      'C10.resume-from-every-batch',
      'C10.resume-keeps-revisions-whole',
      'C11.resume-of-a-late-reader',
      'C12.compaction-spares-the-others',
      'C12.no-silent-gap-at-the-compacted-revision',
      'C12.opened-in-an-outage',
      'C13.no-false-alarm-at-the-head',
      'C13.progress-never-lowers-a-bookmark',
      'C5.watch-continues-a-scan',
    ],
    apply: (store) =>
      change(store, {
        watch: (range, options) => {
          const after = options?.after;
          return store.watch(
            range,
            after !== undefined && after.revision > 0 ? { ...options, after: moved(after, 1) } : options,
          );
        },
      }),
  },
  {
    id: 'C10.resume-repeats',
    title: 'a resumed watch tells the last event again',
    caughtBy: [
      'C10.after-excludes-itself',
      'C10.bad-watch-options-are-invalid',
      'C10.bookmarks-survive-json',
      'C10.list-then-watch',
      'C10.long-backlog',
      'C10.resume-at-the-head',
      'C10.resume-from-every-batch',
      'C10.resume-keeps-revisions-whole',
      'C11.resume-of-a-late-reader',
      'C12.compaction-spares-the-others',
      'C12.opened-in-an-outage',
      'C13.no-false-alarm-at-the-head',
      'C13.progress-never-lowers-a-bookmark',
      'C5.watch-continues-a-scan',
    ],
    apply: (store) =>
      change(store, {
        watch: (range, options) => {
          const after = options?.after;
          return store.watch(
            range,
            after !== undefined && after.revision > 1 ? { ...options, after: moved(after, -1) } : options,
          );
        },
      }),
  },
  {
    id: 'C10.bookmark-of-the-head',
    title: "a batch's bookmark is the store's head, though older events are still to come (trap 1)",
    caughtBy: ['C10.long-backlog', 'C10.progress-is-never-early', 'C11.resume-of-a-late-reader'],
    apply: (store) =>
      changeBatches(
        store,
        () =>
          async function* (batch) {
            const { revision } = await store.status();
            yield { ...batch, bookmark: { ...batch.bookmark, revision } };
          },
      ),
  },
  {
    id: 'C10.progress-ahead-of-events',
    title: 'progress is told for events that are still to come (trap 10)',
    caughtBy: ['C10.progress-is-never-early'],
    apply: (store) =>
      changeBatches(
        store,
        atNth(NTH, (batch) => [{ kind: 'progress', bookmark: batch.bookmark, events: [], undecodable: [] }, batch]),
      ),
  },
  {
    id: 'C10.no-progress',
    title: 'the bookmark of an idle watch stands still',
    caughtBy: ['C10.progress-on-idle-ranges'],
    apply: (store) => changeBatches(store, () => (batch) => (batch.kind === 'progress' ? [] : [batch])),
  },
  {
    id: 'C10.bookmark-behind-its-events',
    title: "a batch's bookmark does not cover its own events",
    caughtBy: ['C10.every-write-once-in-order'],
    apply: (store) =>
      changeBatches(
        store,
        atNth(NTH, (batch) => [{ ...batch, bookmark: moved(batch.bookmark, -1) }]),
      ),
  },
  {
    id: 'C10.every-put-creates',
    title: 'every put event says that the key is new',
    caughtBy: ['C10.put-events'],
    apply: (store) =>
      changeBatches(store, () => (batch) => [
        {
          ...batch,
          events: batch.events.map((event): WatchEvent =>
            event.type === 'put' ? { ...event, isCreate: true } : event,
          ),
        },
      ]),
  },
  {
    id: 'C10.previous-missing',
    title: 'events carry no previous entry',
    caughtBy: ['C10.previous-values'],
    apply: (store) =>
      change(store, {
        watch: (range, options) =>
          store.watch(range, options?.previous === true ? { ...options, previous: false } : options),
      }),
  },
  {
    id: 'C10.only-ignored',
    title: '"only" is ignored',
    caughtBy: ['C10.only-deletes', 'C10.only-puts'],
    apply: (store) =>
      change(store, {
        watch: (range, options) =>
          store.watch(
            range,
            options?.only === 'put' || options?.only === 'delete' ? { ...options, only: undefined } : options,
          ),
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
  {
    id: 'C10.events-without-leases',
    title: 'events do not tell the lease of an entry',
    caughtBy: ['C10.events-carry-leases'],
    apply: (store) =>
      changeBatches(store, () => (batch) => [
        {
          ...batch,
          events: batch.events.map((event): WatchEvent => {
            if (event.type !== 'put') return event;
            const { lease: _, ...current } = event.current;
            return { ...event, current };
          }),
        },
      ]),
  },
  {
    id: 'C10.large-events-lost',
    title: 'a watch keeps silent about values of more than half a megabyte',
    caughtBy: ['C10.large-events'],
    apply: (store) =>
      changeBatches(store, () => (batch) => [
        {
          ...batch,
          events: batch.events.filter((event) => event.type !== 'put' || event.current.value.length < 500_000),
        },
      ]),
  },
];
