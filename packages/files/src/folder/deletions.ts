import type { BigIntStats } from 'node:fs';
import { readWhole } from './read-file.js';

// A range is deleted at one moment: a list of its files is put into the folder, and only then they are deleted. Whoever reads the folder leaves
// out what a list names, so that a writer that is killed in between leaves all of them deleted, and not a part.

/** Of a range of all keys that a folder can reasonably have. */
const LONGEST_LIST = 256 * 1024 * 1024;
const NAME = /^\.holdfast-deleted-[0-9a-f-]+\.json$/;

/** A file that is deleted from the moment when the list is there. */
export interface Deletion {
  /** Its path from the folder, each byte as one character. */
  readonly path: string;
  /** Which file of that path: a later one of the same name is another one. */
  readonly file: string;
  /** The path of the file that replaces it. Until that one is there, it counts. */
  readonly by?: string;
}

export function deletionsName(id: string): string {
  return `.holdfast-deleted-${id}.json`;
}

export function isDeletions(name: Uint8Array): boolean {
  return NAME.test(Buffer.from(name).toString('latin1'));
}

export function deletionOf(path: Uint8Array, { ino, size, mtimeNs }: BigIntStats, by?: Uint8Array): Deletion {
  return {
    path: Buffer.from(path).toString('latin1'),
    file: `${ino}:${size}:${mtimeNs}`,
    ...(by !== undefined && { by: Buffer.from(by).toString('latin1') }),
  };
}

/** The same for the same file. */
export function markOf({ path, file }: Deletion): string {
  return `${path}\0${file}`;
}

/** What a list names; nothing if it is gone by now, or damaged. */
export async function readDeletions(path: Buffer): Promise<readonly Deletion[]> {
  try {
    // Not by a link, and never a pipe, which would be waited for.
    const { content } = await readWhole(path, { maxBytes: LONGEST_LIST, isLink: false });
    const list: unknown = JSON.parse(new TextDecoder().decode(content));
    return Array.isArray(list) ? list.filter(isDeletion) : [];
  } catch {
    return [];
  }
}

function isDeletion(value: unknown): value is Deletion {
  const { path, file } = (value ?? {}) as Partial<Deletion>;
  return typeof path === 'string' && typeof file === 'string';
}
