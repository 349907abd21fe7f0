import type { KeyValue, WatchBatch, WatchEvent } from '@holdfast/store';
import { KeyRange, Slicer } from '@holdfast/store/adapter';
import { Edits } from './edits.js';
import type { Prepared } from '../entries/entry-maker.js';
import { checkBatch } from '../util/answers.js';
import { checkIdentity } from './history.js';
import type { Step, Tell } from '../events/step.js';
import type { Table } from './table.js';

export interface ApplyOptions {
  /** If it has aborted, no step is made. */
  readonly signal?: AbortSignal;
  readonly tell?: Tell;
}

/**
 * The verb `apply`: takes in a watch batch. What it tells at or below the table's revision is dropped: a read has brought it
 * already (M12). Decoding may take several turns of the event loop; then everything becomes visible at once (M4).
 *
 * @returns `undefined` where the batch tells nothing new
 * @throws StoreError `history-changed` for a batch of another history, `internal` for one that the range can't have
 * delivered, or whose revisions are not in order
 */
export async function applyBatch(
  table: Table,
  batch: WatchBatch,
  { signal, tell }: ApplyOptions = {},
): Promise<Step | undefined> {
  const events = newEvents(table, batch);
  if (events === undefined) return undefined;
  const prepared = await table.prepareAll(events.map(currentOf));
  signal?.throwIfAborted();
  const step = makeStep(table, batch, events, prepared);
  tell?.(step);
  return step;
}

/** Whether a batch is decoded in one slice of work: then it needs no other turn of the event loop. */
export function isShort({ events }: WatchBatch): boolean {
  return Slicer.isOneSlice(events.length);
}

/** The same for a short batch, in this turn. Most batches are short: one write each. */
export function applyShortBatch(table: Table, batch: WatchBatch): Step | undefined {
  const events = newEvents(table, batch);
  if (events === undefined) return undefined;
  // All of them before the first edit: a codec may look at the mirror (M4).
  const prepared = events.map((event) => table.prepare(currentOf(event)));
  return makeStep(table, batch, events, prepared);
}

/** What the batch tells beyond the table; `undefined` where its bookmark is no later than the table's. */
function newEvents(table: Table, batch: WatchBatch): readonly WatchEvent[] | undefined {
  checkBatch(table.range, batch);
  checkIdentity(batch.bookmark, table.bookmark);
  const after = table.revision;
  if (batch.bookmark.revision <= after) return undefined;
  const { events } = batch;
  // Its events are in order.
  const [first] = events;
  return first === undefined || first.revision > after ? events : events.filter(({ revision }) => revision > after);
}

function makeStep(
  table: Table,
  { bookmark, undecodable }: WatchBatch,
  events: readonly WatchEvent[],
  prepared: readonly (Prepared | undefined)[],
): Step {
  const edits = new Edits(table);
  edits.putUndecodable(undecodable);
  for (const [index, event] of events.entries()) applyEvent(table, edits, event, prepared[index]);
  const after = table.revision;
  const step = table.finish(bookmark, edits.finish());
  table.recent.add(
    events,
    undecodable.length === 0 ? undecodable : undecodable.filter(({ revision }) => revision > after),
  );
  return step;
}

function currentOf(event: WatchEvent): KeyValue | undefined {
  return event.type === 'put' ? event.current : undefined;
}

function applyEvent(table: Table, edits: Edits, event: WatchEvent, prepared: Prepared | undefined): void {
  switch (event.type) {
    case 'put':
      edits.put(event.current, prepared, true);
      break;
    case 'delete':
      edits.remove(event.key);
      break;
    case 'delete-range': {
      const range = KeyRange.from(event.range);
      edits.removeRange(range);
      table.undecodable.removeRange(range, event.revision);
      break;
    }
    default:
      event satisfies never;
  }
}
