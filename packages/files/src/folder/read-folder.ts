import { checkNames, checkWhole } from '@holdfast/adapter-kit';
import { StoreError } from '@holdfast/store';
import type { FolderEntry } from './entry.js';
import { plainProblem, type FileProblem } from './problem.js';
import { byKey, readEntry } from './read-entry.js';
import { resolveRoot } from './root.js';
import { fullPath, inBatches, walkOnce } from './walk.js';

/** As etcd's limit of a request: what is larger fits into no other store. */
export const MAX_FILE_BYTES = 1.5 * 1024 * 1024;
/** A folder that is swapped more often while it is read is not readable. */
const ATTEMPTS = 10;

export interface ReadFolderOptions {
  /** Larger files are problems. Default: 1.5 MiB. */
  readonly maxFileBytes?: number | undefined;
}

/** A folder as it was at one moment. */
export interface FolderContent {
  readonly entries: readonly FolderEntry[];
  /** What looks like an entry, and is none. Two files for one key are one problem, which names both. */
  readonly problems: readonly FileProblem[];
}

/**
 * Reads a folder once. A Kubernetes mount is read whole, never half before and half after a change of it.
 *
 * @throws StoreError `unavailable` where it can't be read
 */
export async function readFolder(path: string, options: ReadFolderOptions = {}): Promise<FolderContent> {
  checkNames(options, ['maxFileBytes'], 'readFolder()');
  const maxBytes = checkWhole(options.maxFileBytes ?? MAX_FILE_BYTES, 'maxFileBytes', 'bytes');
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const root = await resolveRoot(path);
    const walked = await walkOnce(path, root);
    if (walked === undefined) continue;
    const { files, problems, isTorn } = walked;
    const entries: FolderEntry[] = [];
    const all = [...problems];
    let isGoneMeanwhile = isTorn;
    const { single, twice } = byKey(files);
    all.push(...twice);
    await inBatches(single, async (file) => {
      const read = await readEntry(fullPath(root, file.path), file, maxBytes);
      if (read === 'gone') isGoneMeanwhile = true;
      else if ('reason' in read) all.push(plainProblem(read));
      else entries.push(read);
    });
    if (!isGoneMeanwhile) return { entries, problems: all };
  }
  throw new StoreError('unavailable', `${path} was changed each time that it was read; try again when it is at rest`);
}
