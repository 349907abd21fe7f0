import { type Bookmark, isStoreError, type Logger, StoreError, type StoreErrorCode } from '@holdfast/store';
import { messageOf, withDeadline } from '@holdfast/store/adapter';
import { readSaved, type Saved, type SavedBytes } from './read-saved.js';
import { foreignReason, type SnapshotSource, SnapshotRefusal } from './header.js';
import { compareSaved } from './compare-saved.js';
import type { Copied } from './write-base.js';

/** Writes copies of a mirror, from its first contact with the store until it closes. */
export interface Keeper {
  /** The mirror was proved to be what the store has: from now on it is worth keeping. */
  begin(): void;
  /** Writes what is still to be written, and ends. */
  close(): Promise<void>;
}

export interface KeeperContext extends Copied {
  readonly random: () => number;
  readonly logger: Logger;
  /** How old what is kept may get, in milliseconds; of a file. */
  readonly saveAfterMs: number | undefined;
  /** The least time between two whole copies, in milliseconds; of other places. */
  readonly saveEveryMs: number | undefined;
  /** From which age on a copy is not used, in milliseconds; `undefined` if that is never so. */
  readonly maxAgeMs: number | undefined;
  /** Whether the store had, at the revision of a copy, what that has; `undefined` where nobody can tell. Rejects where the store did not say. */
  readonly continues: (saved: Saved) => Promise<boolean | undefined>;
  /** How far a healthy mirror may be behind another one, in milliseconds. */
  readonly lagMs: number;
}

/** The property of a snapshot store that is a file: mirrors don't use its `save`, but append to it. */
export const FILE = Symbol.for('holdfast.snapshot-file');

/** A place that is read and written in its own way. */
export interface OwnPlace {
  /** Where it is, for messages. */
  readonly where: string;
  read(): Promise<SavedBytes | undefined>;
  keeper(context: KeeperContext): Keeper;
}

/** What says that the store can't be asked now, and may be later. */
const NOT_NOW: readonly StoreErrorCode[] = ['unavailable', 'timeout', 'unauthenticated', 'aborted', 'closed'];

/** Why a copy is kept. */
export interface KeepReason {
  readonly message: string;
  /** Whether the table may well be what became of the copy: their past was not compared. */
  readonly isDoubt: boolean;
}

/**
 * Why what is there must not be replaced without being kept: it is of another history than the table, or of something else, most of it is
 * gone, or some of it is and nobody can tell why; `undefined` where the table continues it.
 *
 * @param isOther whether the table was found to be of another history than before: then it counts as well that a key is gone
 * @throws StoreError where the store can't be asked now, and may be later: nothing is to be replaced before
 */
export async function whyKept(
  there: SavedBytes,
  context: KeeperContext,
  isOther: boolean,
): Promise<KeepReason | undefined> {
  const { table, clock, source } = context;
  let saved: Saved;
  try {
    saved = await readSaved(there, clock);
  } catch (error) {
    if (error instanceof SnapshotRefusal) return certain(error.message);
    throw error;
  }
  const foreign = foreignOf(saved, source);
  if (foreign !== undefined) return certain(foreign);
  await untilReached(context, saved.point.bookmark);
  const { contradicts, keys, gone } = await compareSaved(saved, table, clock);
  let continues: boolean | undefined;
  let unanswered: string | undefined;
  try {
    continues = contradicts || (isOther && gone > 0) ? false : await context.continues(saved);
  } catch (error) {
    if (!context.signal.aborted && isStoreError(error) && NOT_NOW.includes(error.code)) throw error;
    unanswered = `whether it has the same history was not answered: ${messageOf(error)}`;
  }
  if (continues === false) return certain('it is of another history than the store has now');
  // A store that was emptied, and has got further than the copy, looks like one whose keys were deleted.
  const message = `${gone} of its ${keys} keys are gone from the store`;
  if (gone > keys / 2) return certain(message);
  if (unanswered !== undefined) return { message: unanswered, isDoubt: true };
  if (gone === 0 || continues === true) return undefined;
  return { message: `${message}, and whether it has the same history can't be compared`, isDoubt: true };
}

export function certain(message: string): KeepReason {
  return { message, isDoubt: false };
}

/** Another process may have written what this mirror has not seen yet, but will in a moment. */
async function untilReached(
  { table, clock, signal, lagMs }: KeeperContext,
  { identity, revision }: Bookmark,
): Promise<void> {
  if (table.bookmark?.identity !== identity || table.revision >= revision) return;
  const late = () => new StoreError('timeout', 'the mirror is behind the snapshot');
  await withDeadline({ clock, ms: lagMs, signal, late }, (deadline) =>
    table.position.until(revision, deadline.signal),
  ).catch(() => undefined);
}

export function foreignOf({ header }: Saved, source: SnapshotSource): string | undefined {
  return foreignReason(header, source);
}
