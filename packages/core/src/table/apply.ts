import type { WatchBatch, WatchEvent } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';
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
  checkBatch(table.range, batch);
  checkIdentity(batch.bookmark, table.bookmark);
  const after = table.revision;
  if (batch.bookmark.revision <= after) return undefined;
  const events = batch.events.filter(({ revision }) => revision > after);
  const prepared = await table.prepareAll(events.map((event) => (event.type === 'put' ? event.current : undefined)));
  signal?.throwIfAborted();
  const edits = new Edits(table);
  edits.putUndecodable(batch.undecodable);
  events.forEach((event, index) => {
    applyEvent(table, edits, event, prepared[index]);
  });
  const step = table.finish(batch.bookmark, edits.finish());
  tell?.(step);
  return step;
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
