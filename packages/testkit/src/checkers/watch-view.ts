import type { Bookmark, StoreError, WatchBatch, WatchEvent } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';
import type { WatchRecord } from '../history/history.js';

/** A watch's record, sorted for the checkers. */
export interface WatchView {
  /** The watch in words, for messages. */
  readonly name: string;
  readonly range: KeyRange;
  readonly only: 'put' | 'delete' | undefined;
  /** The bookmark that it followed from, if it was ever established. */
  readonly from: Bookmark | undefined;
  readonly batches: readonly WatchBatch[];
  readonly end: { readonly error?: StoreError } | undefined;
}

export function viewOf(record: WatchRecord, index: number): WatchView {
  const ready = record.deliveries.find((delivery) => delivery.type === 'ready');
  const end = record.deliveries.find((delivery) => delivery.type === 'end');
  const range = KeyRange.from(record.range);
  return {
    name: `watch ${index} of ${record.client} on ${range.toString()}`,
    range,
    only: record.options.only,
    from: record.options.after ?? (ready?.type === 'ready' ? ready.bookmark : undefined),
    batches: record.deliveries.flatMap((delivery) => (delivery.type === 'batch' ? [delivery.batch] : [])),
    end: end?.type === 'end' ? (end.error === undefined ? {} : { error: end.error }) : undefined,
  };
}

export function keyOfEvent(event: WatchEvent): string {
  if (event.type === 'put') return event.current.key;
  return event.type === 'delete' ? event.key : JSON.stringify(event.range);
}

/** The content of an event without its previous entry, for comparing. */
export function contentOf(event: WatchEvent): string {
  if (event.type !== 'put') return `${event.type} ${keyOfEvent(event)}@${event.revision}`;
  const value = Buffer.from(event.current.value).toString('base64');
  return `put ${event.current.key}@${event.revision} of ${event.current.createRevision} = ${value}`;
}
