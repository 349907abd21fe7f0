import type { WatchEvent } from '@holdfast/store';
import type { History } from '../history/history.js';
import type { Timeline } from './timeline.js';
import { checkHistory, checkTimeline } from './check-arguments.js';
import type { Violation } from './violation.js';
import { contentOf, keyOfEvent, viewOf, type WatchView } from './watch-view.js';

// The promises of C10, one function each, over all watches of a history. They are etcd's API guarantees for watches, checked as in
// its robustness tests: each by itself, so that the report names the broken one.

/** *Ordered*: a watch delivers events in the order of their revisions. */
export function checkOrdered(history: History): Violation[] {
  checkHistory(history, 'checkOrdered()');
  return eachWatch(history, ({ name, batches }) => {
    const violations: Violation[] = [];
    let last = 0;
    for (const event of batches.flatMap(({ events }) => events)) {
      if (event.revision < last) {
        violations.push({ guarantee: 'ordered', message: `${name} told ${contentOf(event)} after revision ${last}` });
      }
      last = Math.max(last, event.revision);
    }
    return violations;
  });
}

/** *Unique*: a watch delivers no event twice. */
export function checkUnique(history: History): Violation[] {
  checkHistory(history, 'checkUnique()');
  return eachWatch(history, ({ name, batches }) => {
    const seen = new Set<string>();
    return batches
      .flatMap(({ events }) => events)
      .flatMap((event) => {
        const id = `${event.revision} ${keyOfEvent(event)}`;
        if (!seen.has(id)) {
          seen.add(id);
          return [];
        }
        return [{ guarantee: 'unique', message: `${name} told ${contentOf(event)} twice` }];
      });
  });
}

/** *Atomic*: all events of one revision come in one batch. */
export function checkAtomic(history: History): Violation[] {
  checkHistory(history, 'checkAtomic()');
  return eachWatch(history, ({ name, batches }) => {
    const batchOf = new Map<number, number>();
    const torn = new Set<number>();
    batches.forEach(({ events }, index) => {
      for (const { revision } of events) {
        const first = batchOf.get(revision) ?? index;
        batchOf.set(revision, first);
        if (first !== index) torn.add(revision);
      }
    });
    return [...torn].map((revision) => ({
      guarantee: 'atomic',
      message: `${name} told revision ${revision} in more than one batch`,
    }));
  });
}

/** *Bookmarkable*: nothing at or below a bookmark comes after it, a bookmark covers its own batch, and none falls. */
export function checkBookmarkable(history: History): Violation[] {
  checkHistory(history, 'checkBookmarkable()');
  return eachWatch(history, ({ name, batches, from }) => {
    const violations: Violation[] = [];
    let covered: number = from?.revision ?? 0;
    const violated = (message: string) => violations.push({ guarantee: 'bookmarkable', message: `${name} ${message}` });
    for (const { bookmark, events } of batches) {
      for (const event of events) {
        if (event.revision <= covered) violated(`told ${contentOf(event)} after a bookmark at ${covered}`);
        if (event.revision > bookmark.revision)
          violated(`told ${contentOf(event)} with a bookmark at ${bookmark.revision}`);
      }
      if (bookmark.revision < covered) violated(`lowered its bookmark from ${covered} to ${bookmark.revision}`);
      if (from !== undefined && bookmark.identity !== from.identity)
        violated(`moved to the history ${bookmark.identity}`);
      covered = Math.max(covered, bookmark.revision);
    }
    return violations;
  });
}

/** *Reliable*: up to its last bookmark a watch delivered every event of its range, unaltered, and nothing else. */
export function checkReliable(history: History, timeline: Timeline): Violation[] {
  checkHistory(history, 'checkReliable()');
  checkTimeline(timeline, 'checkReliable()');
  return eachWatch(history, (view) => {
    const last = view.batches.at(-1)?.bookmark.revision;
    if (view.from === undefined || last === undefined) return [];
    return differences(view, timeline, view.from.revision, last).map((message) => ({ guarantee: 'reliable', message }));
  });
}

/** *Resumable*: a watch with `after` begins with the first later event. It skips none and repeats none. */
export function checkResumable(history: History, timeline: Timeline): Violation[] {
  checkHistory(history, 'checkResumable()');
  checkTimeline(timeline, 'checkResumable()');
  const violations: Violation[] = [];
  history.watches.forEach((record, index) => {
    const after = record.options.after?.revision;
    const view = viewOf(record, index);
    const first = view.batches.flatMap(({ events }) => events)[0];
    if (after === undefined || first === undefined) return;
    const expected = timeline.steps.find(
      (step) => step.revision > after && step.events.some((event) => isOf(view, event)),
    );
    if (expected !== undefined && expected.revision !== first.revision) {
      const message = `${view.name}, resumed after ${after}, began with ${contentOf(first)} instead of revision ${expected.revision}`;
      violations.push({ guarantee: 'resumable', message });
    }
  });
  return violations;
}

/** All promises about watches: the section C10 of `docs/contract.md`. */
export function checkWatches(history: History, timeline: Timeline): Violation[] {
  checkHistory(history, 'checkWatches()');
  checkTimeline(timeline, 'checkWatches()');
  return [
    ...checkOrdered(history),
    ...checkUnique(history),
    ...checkAtomic(history),
    // First, since the others find the same faults without naming the resumption.
    ...checkResumable(history, timeline),
    ...checkBookmarkable(history),
    ...checkReliable(history, timeline),
  ];
}

function eachWatch(history: History, check: (view: WatchView) => Violation[]): Violation[] {
  return history.watches.flatMap((record, index) => check(viewOf(record, index)));
}

function isOf({ range, only }: WatchView, event: WatchEvent): boolean {
  if (only !== undefined && (only === 'put') !== (event.type === 'put')) return false;
  return event.type === 'delete-range' || range.contains(keyOfEvent(event));
}

function differences(view: WatchView, timeline: Timeline, after: number, upTo: number): string[] {
  const within = ({ revision }: { readonly revision: number }) =>
    revision > Math.max(after, timeline.from) && revision <= Math.min(upTo, timeline.to);
  const happened = new Set(
    timeline.steps
      .filter(within)
      .flatMap(({ events }) => events)
      .filter((event) => isOf(view, event))
      .map(contentOf),
  );
  const told = new Set(
    view.batches
      .flatMap(({ events }) => events)
      .filter(within)
      .map(contentOf),
  );
  return [
    ...[...happened]
      .filter((event) => !told.has(event))
      .map((event) => `${view.name} did not tell ${event}, up to ${upTo}`),
    ...[...told]
      .filter((event) => !happened.has(event))
      .map((event) => `${view.name} told ${event}, which did not happen`),
  ];
}
