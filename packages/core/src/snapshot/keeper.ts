import { type Bookmark, type Logger, StoreError } from '@holdfast/store';
import { withDeadline } from '@holdfast/store/adapter';
import { readSaved, type Saved, type SavedBytes } from './read-saved.js';
import { foreignReason, type SnapshotSource, SnapshotRefusal } from './header.js';
import { contradicts } from './contradicts.js';
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

/**
 * Why what is there must not be replaced without being kept: it is of another history than the table, or of something else; `undefined`
 * where the table continues it.
 */
export async function whyKept(there: SavedBytes, copied: Copied): Promise<string | undefined> {
  const { table, clock, source } = copied;
  let saved: Saved;
  try {
    saved = await readSaved(there, clock);
  } catch (error) {
    if (error instanceof SnapshotRefusal) return error.message;
    throw error;
  }
  const foreign = foreignOf(saved, source);
  if (foreign !== undefined) return foreign;
  await untilReached(copied, saved.point.bookmark);
  return (await contradicts(saved, table, clock)) ? 'it is of another history than the store has now' : undefined;
}

/** Another process may have written what this mirror has not seen yet, but will in a moment. */
async function untilReached({ table, clock, signal }: Copied, { identity, revision }: Bookmark): Promise<void> {
  if (table.bookmark?.identity !== identity || table.revision >= revision) return;
  const late = () => new StoreError('timeout', 'the mirror is behind the snapshot');
  await withDeadline({ clock, ms: LAG_MS, signal, late }, (deadline) =>
    table.position.until(revision, deadline.signal),
  ).catch(() => undefined);
}

/** How far a healthy mirror may be behind another one, in milliseconds. */
const LAG_MS = 10_000;

export function foreignOf({ header }: Saved, source: SnapshotSource): string | undefined {
  return foreignReason(header, source);
}
