import { isStoreError } from '@holdfast/store';
import { codeOf, isGone, isShortage, unavailable, whyUnreadable } from '../errors.js';
import { shownKey } from '../format/paths.js';
import { valueOfFile } from '../format/values.js';
import type { FolderEntry } from './entry.js';
import type { FileProblem } from './problem.js';
import { readWhole } from './read-file.js';
import type { FoundFile } from './walk.js';

/** A problem of one file that was read. */
export interface ReadProblem extends FileProblem {
  /** It may pass without a change of the file. */
  readonly isPassing: boolean;
}

/** The value of one file, or why it has none; `'gone'` if the file is another one by now, or none. */
export async function readEntry(
  full: Buffer,
  { name, shown, signature: found, isLink }: FoundFile,
  maxBytes: number,
): Promise<FolderEntry | ReadProblem | 'gone'> {
  const problem = (reason: string, isPassing = false): ReadProblem => ({
    path: shown,
    key: name.key,
    reason,
    isPassing,
  });
  try {
    const { content, signature } = await readWhole(full, { maxBytes, isLink });
    if (signature !== found) return 'gone';
    return { ...name, path: shown, ...valueOfFile(content, name.extension) };
  } catch (error) {
    if (isStoreError(error)) return problem(error.message);
    if (isGone(error)) return 'gone';
    if (isShortage(error)) throw unavailable(shown, error);
    return problem(whyUnreadable(error), !['EACCES', 'EPERM'].includes(codeOf(error)));
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
