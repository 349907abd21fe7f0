import { isStoreError } from '@holdfast/store';
import { isGone, isShortage, unavailable, whyUnreadable } from '../errors.js';
import { shownKey } from '../format/paths.js';
import { valueOfFile } from '../format/values.js';
import type { FolderEntry } from './entry.js';
import type { FileProblem } from './problem.js';
import { readWhole } from './read-file.js';
import type { FoundFile } from './walk.js';

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
