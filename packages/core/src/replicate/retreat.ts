import type { Bookmark, ConfigStore } from '@holdfast/store';
import type { Ledger } from './ledger.js';
import type { MigrationNote, MigrationStage } from './migration-note.js';
import { Move } from './move.js';
import { progressOf } from './record.js';
import type { Replicator } from './replicator.js';
import type { WayBack } from './way-back.js';

/** What came of a cut over, or of a retreat. */
export interface CutOverResult {
  readonly stage: MigrationStage;
  readonly bookmark: Bookmark;
  /** Keys that were written although the store was fenced. They were carried over. */
  readonly late: readonly string[];
}

export function resultOf({ stage, late = [] }: MigrationNote, bookmark: Bookmark): CutOverResult {
  return { stage, bookmark, late };
}

export interface CarryBackOptions {
  readonly source: ConfigStore;
  readonly target: ConfigStore;
  /** What the record says of the migration, which was cut over. */
  readonly note: MigrationNote;
  readonly fence: string;
  readonly drainMs: number;
  readonly back: WayBack;
  /** The record of the way there. */
  readonly ledger: Ledger;
  readonly noteNow: (note: Omit<MigrationNote, 'at'>) => MigrationNote;
  /** A replicator from the target to the source. */
  readonly replicate: (settings: WayBack['settings'], assumeOwn: WayBack['assumeOwn']) => Replicator;
}

/** The way back after a cut over: what was written in the target is carried back, as at a cut over in the other direction. */
export async function carryBack(options: CarryBackOptions): Promise<CutOverResult> {
  const { source, target, note, fence, drainMs, ledger, noteNow } = options;
  const { settings, assumeOwn } = options.back;
  const { signal } = settings;
  // From here on no replicator of the way there changes anything.
  await ledger.open();
  await ledger.commit([], progressOf(ledger.record), { ...note, ...noteNow({ stage: 'retreating' }) });
  const back = options.replicate(settings, assumeOwn);
  const move = new Move(back, settings);
  try {
    await back.start();
    await move.requireEqual();
    await target.put(fence, JSON.stringify({ migration: settings.name, to: source.name }), { signal });
    const late = await move.drain(target, drainMs);
    const { bookmark } = await move.requireEqual();
    await move.settle();
    await source.delete({ key: fence }, { signal });
    const next = noteNow({ stage: 'retreated', late });
    await ledger.commit([], progressOf(ledger.record), next);
    return resultOf(next, bookmark);
  } finally {
    await back.close();
  }
}
