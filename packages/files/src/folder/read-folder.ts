import { checkNames, checkWhole } from '@holdfast/adapter-kit';
import { isStoreError, StoreError } from '@holdfast/store';
import { isGone, isShortage, unavailable, whyUnreadable } from '../errors.js';
import type { FileExtension } from '../format/extensions.js';
import { shownKey, type EntryName } from '../format/paths.js';
import { valueOfFile } from '../format/values.js';
import type { FileProblem } from './problem.js';
import { readWhole } from './read-file.js';
import { resolveRoot } from './root.js';
import { fullPath, inBatches, walk, type FoundFile } from './walk.js';

export type { FileProblem } from './problem.js';

/** As etcd's limit of a request: what is larger fits into no other store. */
export const MAX_FILE_BYTES = 1.5 * 1024 * 1024;
/** A folder that is swapped more often while it is read is not readable. */
const ATTEMPTS = 10;

export interface ReadFolderOptions {
  /** Larger files are problems. Default: 1.5 MiB. */
  readonly maxFileBytes?: number | undefined;
}

/** One file of a folder, and the value that it stands for. */
export interface FolderEntry extends EntryName {
  /** From the folder, with `/` between its parts. */
  readonly path: string;
  readonly value: Uint8Array;
  /** Words of a YAML file that YAML 1.1 reads as something else, at their lines. */
  readonly doubtful: readonly string[];
  readonly extension: FileExtension;
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
    const { files, problems, isTorn } = await walk(root);
    const entries: FolderEntry[] = [];
    const all = [...problems];
    let isGoneMeanwhile = isTorn;
    const { single, twice } = byKey(files);
    all.push(...twice);
    await inBatches(single, async (file) => {
      const read = await readEntry(fullPath(root, file.path), file, maxBytes);
      if (read === 'gone') isGoneMeanwhile = true;
      else if ('reason' in read) all.push(read);
      else entries.push(read);
    });
    const again = await resolveRoot(path);
    if (!isGoneMeanwhile && again.real === root.real && again.id === root.id) return { entries, problems: all };
  }
  throw new StoreError('unavailable', `${path} was changed each time that it was read; try again when it is at rest`);
}

/** The value of one file, or why it has none. */
export async function readEntry(
  full: Buffer,
  { name, shown, isLink }: FoundFile,
  maxBytes: number,
): Promise<FolderEntry | FileProblem | 'gone'> {
  const problem = (reason: string): FileProblem => ({ path: shown, key: name.key, reason });
  try {
    const { content, signature } = await readWhole(full, { maxBytes, isLink });
    if (signature === undefined) return 'gone';
    return { ...name, path: shown, ...valueOfFile(content, name.extension) };
  } catch (error) {
    if (isStoreError(error)) return problem(error.message);
    if (isGone(error)) return 'gone';
    if (isShortage(error)) throw unavailable(shown, error);
    return problem(whyUnreadable(error));
  }
}

/** The files whose key no other one has, and a problem for each key that several have. */
export function byKey(files: readonly FoundFile[]): { single: FoundFile[]; twice: FileProblem[] } {
  const groups = new Map<string, FoundFile[]>();
  for (const file of files) {
    const key = Buffer.from(file.name.rawKey).toString('latin1');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [file]);
    else group.push(file);
  }
  const all = [...groups.values()];
  const twice = all.filter((group) => group.length > 1).map(sameKey);
  return { single: all.flatMap((group) => (group.length === 1 ? group : [])), twice };
}

function sameKey(files: readonly FoundFile[]): FileProblem {
  const [first, ...others] = files.toSorted((a, b) => (a.shown < b.shown ? -1 : 1)) as [FoundFile, ...FoundFile[]];
  const names = others.map(({ shown }) => shown).join(' and ');
  return {
    path: first.shown,
    key: first.name.key,
    reason: `it and ${names} are both the key ${shownKey(first.name.key ?? first.name.rawKey)}: keep one of them`,
  };
}
