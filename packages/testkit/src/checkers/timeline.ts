import type { KeyValue, Revision, WatchEvent } from '@holdfast/store';
import { checkIterable, checkShape } from '../check.js';
import { checkTimeline } from './check-arguments.js';
import type { WatchRecord } from '../history/history.js';

/** The changes of one revision. */
export interface Step {
  readonly revision: number;
  readonly events: readonly WatchEvent[];
}

/**
 * The truth about a store: every change of every revision, in order. The checkers compare with it what clients saw. It comes from
 * an undisturbed watch over everything that the clients touch.
 */
export interface Timeline {
  /** The revision before the first that it covers. */
  readonly from: number;
  /** The last revision that it covers. */
  readonly to: number;
  readonly steps: readonly Step[];
  /** The entries at `from`. */
  readonly initial: readonly KeyValue[];
}

/** Makes a timeline of the record of an undisturbed watch, and the entries at its beginning. */
export function timelineOf(record: WatchRecord, initial: readonly KeyValue[] = []): Timeline {
  checkShape(record, ['deliveries', 'options'], 'timelineOf(record)', 'one of recorder.watches is');
  checkIterable(initial, 'timelineOf(record, initial)');
  const ready = record.deliveries.find((delivery) => delivery.type === 'ready');
  const from = record.options.after?.revision ?? (ready?.type === 'ready' ? ready.bookmark.revision : 0);
  const steps = new Map<number, WatchEvent[]>();
  let to: number = from;
  for (const delivery of record.deliveries) {
    if (delivery.type !== 'batch') continue;
    to = Math.max(to, delivery.batch.bookmark.revision);
    for (const event of delivery.batch.events) {
      const step = steps.get(event.revision) ?? [];
      step.push(event);
      steps.set(event.revision, step);
    }
  }
  const inOrder = [...steps].sort(([a], [b]) => a - b).map(([revision, events]) => ({ revision, events }));
  return { from, to, steps: inOrder, initial };
}

/** The entries as they were at each revision, for any number of questions about one timeline. */
export class States {
  readonly #timeline: Timeline;
  readonly #histories = new Map<string, { revision: number; entry: KeyValue | undefined }[]>();

  constructor(timeline: Timeline) {
    checkTimeline(timeline, 'new States()');
    this.#timeline = timeline;
    for (const entry of timeline.initial) this.#note(entry.key, timeline.from, entry);
    for (const { events } of timeline.steps) {
      for (const event of events) {
        if (event.type === 'put') this.#note(event.current.key, event.revision, event.current);
        else if (event.type === 'delete') this.#note(event.key, event.revision, undefined);
      }
    }
  }

  /** Whether the timeline contains this revision. */
  covers(revision: number): boolean {
    return revision >= this.#timeline.from && revision <= this.#timeline.to;
  }

  /** The entry of a key at a revision. */
  at(key: string, revision: Revision | number): KeyValue | undefined {
    return this.#histories.get(key)?.findLast((each) => each.revision <= revision)?.entry;
  }

  /** The entries at a revision whose keys the predicate accepts. */
  entriesAt(revision: number, includes: (key: string) => boolean): KeyValue[] {
    return [...this.#histories.keys()].filter(includes).flatMap((key) => {
      const entry = this.at(key, revision);
      return entry === undefined ? [] : [entry];
    });
  }

  #note(key: string, revision: number, entry: KeyValue | undefined): void {
    const history = this.#histories.get(key) ?? [];
    history.push({ revision, entry });
    this.#histories.set(key, history);
  }
}
