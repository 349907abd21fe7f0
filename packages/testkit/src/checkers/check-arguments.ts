import { checkShape } from '../check.js';

/** @throws StoreError `invalid-argument` unless it is a recorded history */
export function checkHistory(history: unknown, taker: string): void {
  checkShape(history, ['operations', 'watches'], `the history of ${taker}`, 'new Recorder() makes one');
}

/** @throws StoreError `invalid-argument` unless it is the truth about a store */
export function checkTimeline(timeline: unknown, taker: string): void {
  checkShape(
    timeline,
    ['from', 'to', 'steps', 'initial'],
    `the timeline of ${taker}`,
    'timelineOf(recorder.watches[0]) makes one',
  );
}
