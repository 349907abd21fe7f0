import { randomUUID } from 'node:crypto';
import { mkdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { encodeUtf8, quoted } from '@holdfast/adapter-kit';
import { isStoreError, StoreError, type WriteOutcome } from '@holdfast/store';
import { codeOf, isGone, notWritten } from '../errors.js';
import { deletionOf, deletionsName, type Deletion } from '../folder/deletions.js';
import type { FolderEntry } from '../folder/entry.js';
import { isInside, type Root } from '../folder/root.js';
import { signatureOf } from '../folder/signature.js';
import type { FoundFile } from '../folder/walk.js';
import type { FileExtension } from '../format/extensions.js';
import { pathOf, pathsOf } from '../format/paths.js';
import { fileOfValue, fileOfValueAs, type FileContent } from '../format/values.js';
import { removeFile, syncFolder, toBytes, writeWhole, type BytePath, type Identity } from './atomic.js';

/** Of a write under way: from when on a failure may have left it done. */
interface Progress {
  outcome: WriteOutcome;
}

/** A file that was written. */
interface Placed {
  readonly path: BytePath;
  readonly identity: Identity;
}

/** Writes and deletes files of one folder. Nobody else of this process writes meanwhile. */
export class Writer {
  readonly #root: Root;
  readonly #maxFileBytes: number;

  /** @throws StoreError `permission-denied` for the mount of a Kubernetes volume */
  constructor(root: Root, maxFileBytes: number) {
    if (root.isMount) {
      throw new StoreError(
        'permission-denied',
        `${root.real} belongs to a mount of Kubernetes, which nobody writes to: change the ConfigMap or the Secret`,
        { outcome: 'not-applied' },
      );
    }
    this.#root = root;
    this.#maxFileBytes = maxFileBytes;
  }

  /**
   * Writes the file of a key.
   *
   * @param before the file that the key has, if any. It is replaced, also by one with another ending.
   * @param others the keys that have files
   */
  async put(
    key: string,
    value: Uint8Array,
    before: FoundFile | undefined,
    others: () => Iterable<string>,
  ): Promise<{ file: FoundFile; entry: FolderEntry }> {
    const progress: Progress = { outcome: 'not-applied' };
    try {
      const { extension, content } = this.#contentOf(value, before?.name.extension);
      const { path, identity } =
        before === undefined
          ? await this.#create(key, extension, content, others, progress)
          : await this.#replace(before, extension, content, progress);
      const full = this.#full(path);
      const facts = await stat(toBytes(full), { bigint: true });
      const name = { key, rawKey: encodeUtf8(key), extension };
      const shown = new TextDecoder().decode(toBytes(path));
      // Another program may have replaced it already: then the next look reads what it has written.
      const signature = isSameFile(facts, identity) ? signatureOf(facts) : '';
      const file = { path: toBytes(path), shown, name, signature, facts, isLink: false };
      return { file, entry: { ...name, path: shown, value, doubtful: [] } };
    } catch (error) {
      if (isStoreError(error)) throw error;
      throw notWritten(`the file for key ${quoted(key)} below ${this.#root.real}`, error, progress.outcome);
    }
  }

  /** Deletes files: all of them, or none. */
  async delete(files: readonly FoundFile[]): Promise<void> {
    const progress: Progress = { outcome: 'not-applied' };
    try {
      const [first] = files;
      if (files.length === 1 && first !== undefined) {
        await removeFile(this.#full(first.path.toString('latin1')));
        progress.outcome = 'unknown';
      } else {
        await this.#atOnce(
          files.map(({ path, facts }) => deletionOf(path, facts)),
          () => (progress.outcome = 'unknown'),
          () => false,
          () => Promise.all(files.map(({ path }) => removeFile(this.#full(path.toString('latin1'))))),
        );
      }
      const folders = new Set(files.map(({ path }) => dirname(this.#full(path.toString('latin1')))));
      for (const folder of folders) await syncFolder(folder);
    } catch (error) {
      throw notWritten(`the files of ${files.length} keys below ${this.#root.real}`, error, progress.outcome);
    }
  }

  /** Ends what a writer has begun that was killed. */
  async cleanUp(leftovers: readonly Buffer[]): Promise<void> {
    // Deleted files first, and the lists that name them behind.
    for (const path of leftovers) await removeFile(this.#full(path.toString('latin1')));
  }

  /** As the file has been, where it can hold the value so. */
  #contentOf(value: Uint8Array, before: FileExtension | undefined): FileContent {
    const same = before === undefined ? undefined : fileOfValueAs(value, before);
    const chosen = same ?? fileOfValue(value);
    // YAML may be longer than JSON.
    return chosen.content.length <= this.#maxFileBytes ? chosen : fileOfValue(value, 'json');
  }

  async #create(
    key: string,
    extension: FileExtension,
    content: Uint8Array,
    others: () => Iterable<string>,
    progress: Progress,
  ): Promise<Placed> {
    const plain = Buffer.from(`${pathOf(key)}${extension}`).toString('latin1');
    try {
      return await this.#place(plain, content, progress);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST' || progress.outcome !== 'not-applied') throw error;
    }
    // There is a file of that name, which is no entry of this key: one whose name differs in upper and lower case, or a stranger.
    const strict = Buffer.from(`${pathsOf([key, ...others()])[0] ?? ''}${extension}`).toString('latin1');
    if (strict === plain) {
      throw new StoreError(
        'conflict',
        `${new TextDecoder().decode(toBytes(plain))} is there already, and is not the file of key ${quoted(key)} as it was read last; read again, or look at the file`,
        { outcome: 'not-applied', retryable: true },
      );
    }
    return this.#place(strict, content, progress);
  }

  async #place(path: BytePath, content: Uint8Array, progress: Progress): Promise<Placed> {
    const full = this.#full(path);
    const folder = dirname(full);
    await this.#makeFolder(folder);
    return { path, identity: await writeWhole(full, content, 'create', () => (progress.outcome = 'unknown')) };
  }

  async #makeFolder(folder: BytePath): Promise<void> {
    const first = await mkdir(toBytes(folder), { recursive: true });
    // Somebody may have linked a folder to elsewhere.
    const real = await realpath(toBytes(folder), 'buffer');
    if (!isInside(real.toString('latin1'), Buffer.from(this.#root.real).toString('latin1'))) {
      throw new StoreError(
        'permission-denied',
        `${new TextDecoder().decode(toBytes(folder))} is linked to outside of the folder; nothing is written there`,
        { outcome: 'not-applied' },
      );
    }
    if (first === undefined) return;
    // New folders last too.
    for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
  }

  async #replace(
    before: FoundFile,
    extension: FileExtension,
    content: Uint8Array,
    progress: Progress,
  ): Promise<Placed> {
    const old = before.path.toString('latin1');
    const onPlaced = () => (progress.outcome = 'unknown');
    if (extension === before.name.extension) {
      return { path: old, identity: await writeWhole(this.#full(old), content, 'replace', onPlaced) };
    }
    const path = old.slice(0, -before.name.extension.length) + extension;
    const gone = [deletionOf(before.path, before.facts, toBytes(path))];
    // With the list there, the old file is gone in the moment in which the new one appears.
    const act = async () => {
      const identity = await writeWhole(this.#full(path), content, 'create', onPlaced);
      await removeFile(this.#full(old));
      return { path, identity };
    };
    return this.#atOnce(
      gone,
      () => undefined,
      () => progress.outcome === 'not-applied',
      act,
    );
  }

  /** @param isVain whether a list is of no use where `act` has failed */
  async #atOnce<T>(
    deletions: readonly Deletion[],
    onListed: () => void,
    isVain: () => boolean,
    act: () => Promise<T>,
  ): Promise<T> {
    const list = join(this.#rootBytes, deletionsName(randomUUID()));
    await writeWhole(list, encodeUtf8(JSON.stringify(deletions)), 'replace', onListed);
    let isDone = false;
    try {
      const result = await act();
      isDone = true;
      return result;
    } finally {
      // Where something is left to be deleted, the list goes on saying so.
      if (isDone || isVain()) await removeFile(list);
    }
  }

  get #rootBytes(): BytePath {
    return Buffer.from(this.#root.real).toString('latin1');
  }

  #full(path: BytePath): BytePath {
    return join(this.#rootBytes, path);
  }
}

function isSameFile(one: Identity, other: Identity): boolean {
  return (['dev', 'ino', 'size', 'mtimeNs'] as const).every((name) => one[name] === other[name]);
}

/** Whether the file is the one that was read last. */
export async function isUntouched(root: Root, file: FoundFile): Promise<boolean> {
  try {
    const full = join(Buffer.from(root.real).toString('latin1'), file.path.toString('latin1'));
    return signatureOf(await stat(toBytes(full), { bigint: true })) === file.signature;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}
