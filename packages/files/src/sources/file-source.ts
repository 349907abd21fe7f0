import { stat } from 'node:fs/promises';
import { dirname, basename } from 'node:path';
import { encodeUtf8 } from '@holdfast/adapter-kit';
import { isStoreError, StoreError, type Clock } from '@holdfast/store';
import { unavailable } from '../errors.js';
import { extensionOf, isStructured, type FileExtension } from '../format/extensions.js';
import { entriesOfFile, type FileEntries } from '../format/values.js';
import { readWhole } from '../folder/read-file.js';
import { signatureOf } from '../folder/signature.js';
import { Settling } from './settle.js';
import { idOf, type Snapshot, type Source, type SourceEntry } from './snapshot.js';

const ATTEMPTS = 50;

export interface FileSourceOptions {
  readonly path: string;
  readonly maxFileBytes: number;
  readonly settleMs: number;
  readonly clock: Clock;
}

/** The entries of one file that has many. All of them change at once, or none. */
export class FileSource implements Source {
  readonly #options: FileSourceOptions;
  readonly #settling: Settling;
  readonly #extension: FileExtension;
  readonly folders: readonly string[];
  #signature: string | undefined;
  #last: FileEntries | undefined;

  /** @throws StoreError `invalid-argument` for an ending that can't have entries */
  constructor(options: FileSourceOptions) {
    const extension = extensionOf(options.path);
    if (extension === undefined || !isStructured(extension)) {
      throw new StoreError(
        'invalid-argument',
        `${options.path} is no folder, and a file with entries ends in .yaml, .yml or .json`,
      );
    }
    this.#options = options;
    this.#extension = extension;
    this.#settling = new Settling(options.clock, options.settleMs);
    this.folders = [dirname(options.path)];
  }

  async read(): Promise<Snapshot | undefined> {
    const { path, maxFileBytes } = this.#options;
    this.#settling.reset();
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const facts = await this.#facts();
      const signature = signatureOf(facts);
      if (signature === this.#signature) return undefined;
      const isOld = this.#signature === undefined && this.#settling.areOld([facts]);
      const rest = isOld ? 'settled' : this.#settling.look(signature, [facts]);
      if (rest === 'too long') break;
      if (rest === 'wait') {
        await this.#settling.wait();
        continue;
      }
      let problem: string | undefined;
      try {
        const read = await readWhole(path, { maxBytes: maxFileBytes, isLink: true });
        // Replaced or written to meanwhile.
        if (read.signature !== signature) continue;
        this.#last = entriesOfFile(read.content, this.#extension);
      } catch (error) {
        if (!isStoreError(error)) throw unavailable(path, error);
        problem = error.message;
        if (this.#last === undefined) {
          throw new StoreError('unavailable', `${path} has no entries yet: ${problem}`, { cause: error });
        }
      }
      this.#signature = signature;
      return this.#snapshot(problem);
    }
    throw new StoreError(
      'unavailable',
      `${path} was changed each time that it was read; what was read before stays; write it elsewhere, and rename it into place`,
    );
  }

  async #facts() {
    try {
      return await stat(this.#options.path, { bigint: true });
    } catch (error) {
      throw unavailable(this.#options.path, error);
    }
  }

  #snapshot(problem: string | undefined): Snapshot {
    const path = basename(this.#options.path);
    const entries = new Map<string, SourceEntry>();
    for (const [key, value] of this.#last?.values ?? []) {
      const rawKey = encodeUtf8(key);
      entries.set(idOf(rawKey), { key, rawKey, path, extension: this.#extension, value });
    }
    return {
      entries,
      problems: problem === undefined ? [] : [{ path, key: undefined, reason: problem }],
      doubtful: problem === undefined ? (this.#last?.doubtful ?? []).map((word) => `${path}: ${word}`) : [],
    };
  }
}
