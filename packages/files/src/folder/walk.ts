import type { BigIntStats, Dirent } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isStoreError } from '@holdfast/store';
import { isGone, isShortage, unavailable, whyUnreadable } from '../errors.js';
import { isIgnored, keyOfFile, type EntryName } from '../format/paths.js';
import { deletionOf, isDeletions, markOf, readDeletions } from './deletions.js';
import { isInside, isSameRoot, resolveRoot, type Root } from './root.js';
import type { FileProblem } from './problem.js';
import { signatureOf } from './signature.js';

/** How many files are asked for at a time: Node does file work on four threads. */
const AT_A_TIME = 32;
/** A temporary file of a writer that lives is seconds old. */
const ABANDONED_MS = 60 * 60_000;
const TEMPORARY = /^\.holdfast-[0-9a-f-]{36}\.tmp$/;
const SLASH = Buffer.from('/');

export interface FoundFile {
  /** From the folder, as bytes: a name need not be UTF-8. */
  readonly path: Buffer;
  /** The same for people. */
  readonly shown: string;
  readonly name: EntryName;
  /** The same as long as nobody has touched the file. */
  readonly signature: string;
  readonly facts: BigIntStats;
  readonly isLink: boolean;
}

export interface Walk {
  readonly files: readonly FoundFile[];
  /** Files and folders that are no entries. A folder's path ends with `/`. */
  readonly problems: readonly FileProblem[];
  /** All folders, the first one included, as full paths. */
  readonly folders: readonly Buffer[];
  /** Files that are deleted already, as a list of deletions says, and such lists: what a writer has left that was killed in between. */
  readonly leftovers: readonly Buffer[];
  /** Files that a writer may still need, or may have left when it was killed: {@link abandonedOf} tells which. */
  readonly unfinished: readonly Buffer[];
  /** Something went away meanwhile: what is missing here need not be gone. */
  readonly isTorn: boolean;
}

/**
 * Looks at all files of a folder, without reading them.
 *
 * @throws StoreError `unavailable` where the folder itself can't be read
 */
async function walk(root: Root): Promise<Walk> {
  const walker = new Walker(root);
  await walker.run();
  return walker;
}

/**
 * {@link walk}, where the folder may be replaced meanwhile. Gives nothing if the path leads elsewhere by then: what was replaced may have been
 * half taken away. Otherwise the files are all that the folder had at one moment, and those that can still be read later are unchanged.
 */
export async function walkOnce(path: string, root: Root): Promise<Walk | undefined> {
  let walked: Walk | undefined;
  try {
    walked = await walk(root);
  } catch (error) {
    if (!isStoreError(error) || !isGone(error.cause)) throw error;
  }
  return isSameRoot(await resolveRoot(path), root) ? walked : undefined;
}

class Walker implements Walk {
  files: FoundFile[] = [];
  readonly leftovers: Buffer[] = [];
  readonly unfinished: Buffer[] = [];
  readonly problems: FileProblem[] = [];
  readonly folders: Buffer[] = [];
  isTorn = false;
  readonly #root: Root;
  readonly #lists: Buffer[] = [];

  constructor(root: Root) {
    this.#root = root;
  }

  async run(): Promise<void> {
    let level: Buffer[] = [Buffer.alloc(0)];
    while (level.length > 0) {
      const below: Buffer[] = [];
      await inBatches(level, (folder) => this.#folder(folder, below));
      level = below;
    }
    await this.#dropDeleted();
  }

  /** A list of deletions holds from the moment when it is there: no reader sees a half of them. */
  async #dropDeleted(): Promise<void> {
    if (this.#lists.length === 0) return;
    const isThere = new Set(this.files.map(({ path }) => path.toString('latin1')));
    const deleted = new Set<string>();
    const lists: Buffer[] = [];
    for (const path of this.#lists) {
      const deletions = await readDeletions(fullPath(this.#root, path));
      const counting = deletions.filter(({ by }) => by === undefined || isThere.has(by));
      for (const deletion of counting) deleted.add(markOf(deletion));
      // Of a list that waits for a file, the writer is about to make that file.
      (counting.length === deletions.length ? lists : this.unfinished).push(path);
    }
    const isDeleted = ({ path, facts }: FoundFile) => deleted.has(markOf(deletionOf(path, facts)));
    for (const file of this.files) if (isDeleted(file)) this.leftovers.push(file.path);
    this.leftovers.push(...lists);
    this.files = this.files.filter((file) => !isDeleted(file));
  }

  async #folder(path: Buffer, below: Buffer[]): Promise<void> {
    const full = fullPath(this.#root, path);
    let entries: Dirent<Buffer>[];
    try {
      entries = await readdir(full, { withFileTypes: true, encoding: 'buffer' });
    } catch (error) {
      this.#failed(path, error);
      return;
    }
    this.folders.push(full);
    const files: [Buffer, Dirent<Buffer>][] = [];
    for (const entry of entries) {
      if (path.length === 0 && isDeletions(entry.name)) this.#lists.push(entry.name);
      const own = path.length === 0 ? entry.name : Buffer.concat([path, SLASH, entry.name]);
      if (TEMPORARY.test(entry.name.toString('latin1'))) this.unfinished.push(own);
      if (isIgnored(entry.name)) continue;
      if (entry.isDirectory()) below.push(own);
      else files.push([own, entry]);
    }
    await inBatches(files, ([own, entry]) => this.#file(own, entry));
  }

  async #file(path: Buffer, entry: Dirent<Buffer>): Promise<void> {
    const shown = shownPath(path);
    let name: EntryName | undefined;
    try {
      name = keyOfFile(path);
      if (name === undefined) return;
      const isLink = entry.isSymbolicLink();
      const full = fullPath(this.#root, path);
      if (isLink && !isInside(await realpath(full), this.#root.real)) {
        this.#problem(
          path,
          name,
          'it is a link to outside of the folder, which is not followed: put the file itself here',
        );
        return;
      }
      const facts = await stat(full, { bigint: true });
      if (!facts.isFile()) {
        const what = facts.isDirectory() ? 'a link to a folder, which is not followed' : 'a device, a pipe or a socket';
        this.#problem(path, name, `it is ${what}: put files here`);
        return;
      }
      this.files.push({ path, shown, name, signature: signatureOf(facts), facts, isLink });
    } catch (error) {
      if (isStoreError(error)) this.#problem(path, name, error.message);
      else if (isGone(error) && entry.isSymbolicLink()) this.#problem(path, name, 'it is a link to nothing: mend it');
      else if (isGone(error)) this.isTorn = true;
      else if (isShortage(error)) throw unavailable(this.#root.real, error);
      else this.#problem(path, name, whyUnreadable(error));
    }
  }

  #failed(path: Buffer, error: unknown): void {
    if (path.length === 0 || isShortage(error)) throw unavailable(this.#root.real, error);
    if (isGone(error)) this.isTorn = true;
    else this.problems.push({ path: `${shownPath(path)}/`, key: undefined, reason: whyUnreadable(error) });
  }

  #problem(path: Buffer, name: EntryName | undefined, reason: string): void {
    this.problems.push({ path: shownPath(path), key: name?.key, reason });
  }
}

/** Those of {@link Walk.unfinished} that no writer can need any more, by their age. */
export async function abandonedOf(root: Root, { unfinished }: Walk, now: number): Promise<readonly Buffer[]> {
  const abandoned: Buffer[] = [];
  await inBatches(unfinished, async (path) => {
    try {
      const { mtimeMs } = await lstat(fullPath(root, path));
      if (mtimeMs + ABANDONED_MS < now) abandoned.push(path);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  });
  return abandoned;
}

export function fullPath(root: Root, path: Buffer): Buffer {
  return path.length === 0 ? Buffer.from(root.real) : Buffer.concat([Buffer.from(join(root.real, '/')), path]);
}

function shownPath(path: Buffer): string {
  return new TextDecoder().decode(path);
}

export async function inBatches<T>(all: readonly T[], each: (item: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < all.length; at += AT_A_TIME) await Promise.all(all.slice(at, at + AT_A_TIME).map(each));
}
