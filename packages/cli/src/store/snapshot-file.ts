import { readSnapshot, type SnapshotContent, type SnapshotFacts } from '@holdfast/core/file-snapshot';
import { isStoreError } from '@holdfast/store';
import { usage } from '../exit/command-error.js';
import { inline, quoted } from '../text/inline.js';

/** Reads a mirror's snapshot. One that mirrors refuse is read too, with the reason. @throws CommandError if there is no such file */
export async function readSnapshotFile(file: string): Promise<SnapshotContent> {
  try {
    return await readSnapshot(file);
  } catch (error) {
    if (!isStoreError(error, 'not-found')) throw error;
    throw usage(error.message, 'Name the file that fileSnapshot() of the application has.');
  }
}

/** What a snapshot is of. */
export function snapshotPlace({ store, prefix, key }: SnapshotFacts): string {
  return key === undefined
    ? `${quoted(prefix ?? '')} of ${inline(store)}`
    : `the key ${quoted(key)} of ${inline(store)}`;
}
