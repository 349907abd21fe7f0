import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { isStoreError, type KeyValue } from '@holdfast/store';
import { messageOf } from '@holdfast/store/adapter';
import { fileOfValue, isSameValue, pathsOf, readFolder, type FileExtension } from '@holdfast/files/format';
import { usage } from '../exit/command-error.js';
import { count, inline, quoted, rawKeyText } from '../text/inline.js';
import { isLeased, leaseReason, type LeftOut } from './change.js';

/** What a folder says that keys are to be. */
export interface Wanted {
  readonly values: ReadonlyMap<string, Uint8Array>;
  readonly leftOut: readonly LeftOut[];
  /** Words that other readers of YAML take for something else. */
  readonly warnings: readonly string[];
  /** Structured files are compared by content, others by bytes. */
  readonly isSame: (key: string, stored: Uint8Array, ofFile: Uint8Array) => boolean;
}

const SHOWN = 10;

/**
 * Reads a folder: one file is one key below the prefix.
 *
 * @throws CommandError that names each file that is no entry, such as two files for one key: nothing of such a folder is used
 */
export async function readWanted(folder: string, prefix: string): Promise<Wanted> {
  const { entries, problems } = await readFolder(folder).catch((error: unknown) => {
    if (!isStoreError(error)) throw error;
    throw usage(`the folder ${quoted(folder)} can't be used: ${error.message}`, 'Check its name and its permissions.');
  });
  if (problems.length > 0) {
    const shown = problems.slice(0, SHOWN).map(({ path, reason }) => `\n  ${inline(path)}: ${inline(reason)}`);
    const more = problems.length > SHOWN ? `\n  … and ${problems.length - SHOWN} more` : '';
    throw usage(
      `nothing was changed: ${count(problems.length, 'file')} in ${quoted(folder)} can't be used:${shown.join('')}${more}`,
      'Mend the files, or take them out of the folder.',
    );
  }
  const values = new Map<string, Uint8Array>();
  const extensions = new Map<string, FileExtension>();
  const leftOut: LeftOut[] = [];
  for (const { key, rawKey, value, extension } of entries) {
    if (key === undefined) leftOut.push({ key: rawKeyText(rawKey), reason: 'it is not UTF-8' });
    else {
      values.set(prefix + key, value);
      extensions.set(prefix + key, extension);
    }
  }
  return {
    values: new Map([...values].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))),
    leftOut,
    warnings: entries.flatMap(({ path, doubtful }) => doubtful.map((word) => `${inline(path)}: ${inline(word)}`)),
    isSame: (key, stored, ofFile) => isSameValue(extensions.get(key) ?? '.bin', ofFile, stored),
  };
}

/** Which entries have no file in an exported folder, and why. */
export function splitForFolder(
  entries: Iterable<KeyValue>,
  prefix: string,
): { readonly files: KeyValue[]; readonly leftOut: LeftOut[] } {
  const files: KeyValue[] = [];
  const leftOut: LeftOut[] = [];
  for (const entry of entries) {
    if (entry.key === prefix)
      leftOut.push({ key: entry.key, reason: 'it is the prefix itself, which has no file name' });
    else if (isLeased(entry)) leftOut.push({ key: entry.key, reason: `${leaseReason(entry)}, which a file can't say` });
    else files.push(entry);
  }
  return { files, leftOut };
}

/**
 * Writes a file for each entry. The folder is there when it is complete, and not before: it is made beside its place.
 *
 * @param prefix what the files' names leave out
 * @throws CommandError if there is something in the folder, or if it can't be written
 */
export async function writeFolder(
  folder: string,
  entries: readonly KeyValue[],
  prefix: string,
  { prefer, onFile }: { readonly prefer: 'yaml' | 'json'; readonly onFile: (done: number) => void },
): Promise<void> {
  await refuseFull(folder);
  const target = resolve(folder);
  let made: string | undefined;
  try {
    await mkdir(dirname(target), { recursive: true });
    made = await mkdtemp(join(dirname(target), '.holdfast-export-'));
    const paths = pathsOf(entries.map(({ key }) => key.slice(prefix.length)));
    for (const [index, { value }] of entries.entries()) {
      const { extension, content } = fileOfValue(value, prefer);
      const file = join(made, `${paths[index] ?? ''}${extension}`);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
      onFile(index + 1);
    }
    await rename(made, target);
  } catch (error) {
    if (made !== undefined) await rm(made, { recursive: true, force: true });
    if (!(error instanceof Error) || !('syscall' in error)) throw error;
    throw usage(
      `the folder ${quoted(folder)} can't be written: ${messageOf(error)}`,
      'Check its place, and its space.',
    );
  }
}

async function refuseFull(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw usage(`the folder ${quoted(folder)} can't be read: ${messageOf(error)}`, 'Name a folder.');
  });
  if (names.length === 0) return;
  throw usage(
    `the folder ${quoted(folder)} is not empty: files of keys that are gone would stay in it`,
    'Name a folder that is not there yet, and compare the two, or empty it.',
  );
}
