import { stat } from 'node:fs/promises';
import { readSnapshot, type SnapshotContent, type SnapshotFacts } from '@holdfast/core/file-snapshot';
import { isStoreError } from '@holdfast/store';
import { usage, type CommandError } from '../exit/command-error.js';
import { inline, quoted } from '../text/inline.js';

/** How the log of a snapshot is named: after the snapshot. */
const LOG = /\.[\da-f]+\.log$/;

/** Reads a mirror's snapshot. One that mirrors refuse is read too, with the reason. @throws CommandError if there is no such file */
export async function readSnapshotFile(file: string): Promise<SnapshotContent> {
  // Advice for a file would be wrong for it, and a pipe may never answer.
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() === false) {
    throw usage(`${quoted(file)} is not a file`, 'Name the file that fileSnapshot() of the application has.');
  }
  try {
    const content = await readSnapshot(file);
    if (content.header === undefined && LOG.test(file)) throw theLog(file);
    return content;
  } catch (error) {
    if (!isStoreError(error, 'not-found')) throw error;
    throw usage(error.message, 'Name the file that fileSnapshot() of the application has.');
  }
}

/** Whoever removed it as a bad snapshot would lose the last changes of a good one. */
function theLog(file: string): CommandError {
  const base = file.replace(LOG, '');
  return usage(`${quoted(file)} is the log of a snapshot, and belongs to it`, `Name the snapshot: ${inline(base)}`);
}

/** What a snapshot is of. */
export function snapshotPlace({ store, prefix, key }: SnapshotFacts): string {
  return key === undefined
    ? `${quoted(prefix ?? '')} of ${inline(store)}`
    : `the key ${quoted(key)} of ${inline(store)}`;
}
