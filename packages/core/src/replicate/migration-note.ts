import { type Bookmark, StoreError } from '@holdfast/store';

/** How far a migration has come. */
export type MigrationStage =
  /** Nothing was copied yet, or everything was finished. */
  | 'none'
  /** The target follows the source. */
  | 'copied'
  /** The source is fenced, and what is under way there is waited for. */
  | 'fenced'
  /** The target is the one to use. */
  | 'cut-over'
  /** What was written in the target since is being carried back. */
  | 'retreating'
  /** The source is the one to use again. */
  | 'retreated';

/** What a migration keeps in the record of its replication. */
export interface MigrationNote {
  readonly stage: MigrationStage;
  /** When it came there, in milliseconds since the epoch. */
  readonly at: number;
  /** What the target had of the source at the cut over. */
  readonly cutOver?: Bookmark | undefined;
  /** The source's keys that were written after the fence was put up, and carried over all the same. */
  readonly late?: readonly string[] | undefined;
}

export function noteOf(migration: unknown): MigrationNote | undefined {
  if (typeof migration !== 'object' || migration === null) return undefined;
  const { stage, at } = migration as Partial<MigrationNote>;
  return typeof stage === 'string' && typeof at === 'number' ? (migration as MigrationNote) : undefined;
}

/** @throws StoreError `conflict` if applications use the target by now: it is not a copy any more */
export function checkNotMoved(migration: unknown): void {
  const stage = noteOf(migration)?.stage;
  if (stage !== 'cut-over' && stage !== 'retreating') return;
  throw new StoreError(
    'conflict',
    `a migration of this name is at ${stage}: the target may have been changed since; finish or retreat with migrate()`,
    { outcome: 'not-applied' },
  );
}
