import type { Bookmark, Revision } from '@holdfast/store';
import { atNth, change, changeBatches, NTH } from './change.js';
import type { Mutant } from './mutant.js';

function moved(bookmark: Bookmark, by: number): Bookmark {
  return { ...bookmark, revision: Math.max(1, bookmark.revision + by) as Revision };
}

/** A watch goes on so many revisions after its bookmark. */
function resumedAt(by: number): Mutant['apply'] {
  return (store) =>
    change(store, {
      watch: (range, options) => {
        const after = options?.after;
        return store.watch(
          range,
          after !== undefined && after.revision > 0 ? { ...options, after: moved(after, by) } : options,
        );
      },
    });
}

export const bookmarkMutants: readonly Mutant[] = [
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
    apply: resumedAt(1),
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
    apply: resumedAt(-1),
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
];
