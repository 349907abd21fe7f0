import { closeSync, fdatasyncSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreError } from '@holdfast/store';
import type { StoreState } from '../data/state.js';
import { dataReplaced, folderGone, openTwice, toLmdbError } from '../errors.js';
import { DATA_FILE, dataFileIn, fileIn, idOf, isSame, LOCK_FILE, type FileId } from './folder.js';
import { newestCommit } from './header.js';
import { openTables, type Tables } from './tables.js';

export interface DatabaseOptions {
  readonly path: string;
  readonly create: () => boolean;
  /** Commits of a file that is opened now leave the flush of their last page to the next one. */
  readonly noMetaSync: () => boolean;
  /** The state of a store that is made now. */
  readonly initial: () => StoreState;
  /** Called when the file was opened, before anything is served. */
  readonly onOpen: (tables: Tables) => void;
  /** Called when the file can be read. */
  readonly onOpened: () => void;
}

// LMDB's locks belong to the process: one file must not be opened twice in it. By device and inode.
const openFiles = new Map<string, Database>();

/**
 * The open file. It is opened with the first call, and again where another file has taken its place. A folder that is gone is an outage: once
 * a store was there, no empty one is made.
 */
export class Database {
  readonly #options: DatabaseOptions;
  #opened: { readonly tables: Tables; readonly file: FileId; readonly lock: FileId | undefined } | undefined;
  /** There was a store in the folder. */
  #wasThere = false;
  #closing: Promise<void> = Promise.resolve();
  #closings = 0;
  #lags = false;

  constructor(options: DatabaseOptions) {
    this.#options = options;
  }

  get path(): string {
    return this.#options.path;
  }

  /** There was a store in the folder. */
  get wasThere(): boolean {
    return this.#wasThere;
  }

  /** Commits leave the flush of their last page to the next one. */
  get lags(): boolean {
    return this.#lags;
  }

  /** @throws StoreError `unavailable` while the folder is gone, and whatever else keeps the file from being opened */
  tables(): Tables {
    const opened = this.#opened;
    const found = dataFileIn(this.path);
    if (opened !== undefined && found !== undefined && isSame(opened.file, found)) return opened.tables;
    if (found === undefined && this.#wasThere) throw folderGone(this.path);
    if (opened !== undefined) {
      // Two files with the locks of one would damage each other.
      const lock = fileIn(this.path, LOCK_FILE);
      if (lock !== undefined && opened.lock !== undefined && isSame(lock, opened.lock)) throw dataReplaced(this.path);
      // Another folder was put in its place: what is there now is the store.
      void this.close();
    }
    return this.#open(found);
  }

  /**
   * Reads what was committed last, by any process. Everything within one call sees the same.
   *
   * @throws StoreError
   */
  read<T>(work: (tables: Tables) => T): T {
    const tables = this.tables();
    try {
      tables.root.resetReadTxn();
      return work(tables);
    } catch (thrown) {
      throw this.toError(thrown);
    }
  }

  /**
   * Whether this write transaction does not follow the newest commit, which it would replace. A process that opens a file tells all others which
   * commit is the newest, as it has read it before: what was committed in between is forgotten (LMDB 1.0, `mdb_env_open2`). To open the file anew,
   * while nobody commits, says it rightly.
   */
  isBehind({ root }: Tables): boolean {
    const own = (root as unknown as { getWriteTxnId(): number }).getWriteTxnId();
    return newestCommit(this.path) >= own;
  }

  toError(thrown: unknown): StoreError {
    return toLmdbError(thrown, this.path);
  }

  /** Resolves when all that was committed is on the disk. */
  async flush({ root }: Tables): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      (root as unknown as { sync(done: (error?: Error) => void): void }).sync((error) => {
        if (error === undefined) resolve();
        else reject(this.toError(error));
      });
    });
  }

  /** Closes the file. The next call opens it again. */
  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened !== undefined) {
      this.#closings += 1;
      this.#closing = Promise.all([this.#closing, opened.tables.root.close()]).then(() => {
        this.#closings -= 1;
        // It may have been opened again meanwhile.
        const isOpenAgain = this.#opened !== undefined && isSame(this.#opened.file, opened.file);
        if (!isOpenAgain && openFiles.get(idOf(opened.file)) === this) openFiles.delete(idOf(opened.file));
      });
    }
    await this.#closing;
  }

  #open(found: FileId | undefined): Tables {
    const { path, create, initial, onOpen, onOpened } = this.#options;
    const other = found && openFiles.get(idOf(found));
    if (other !== undefined && other !== this) throw openTwice(path, other.path);
    try {
      // Where a file is not closed yet, LMDB gives the same one again, as it was opened.
      this.#lags = this.#options.noMetaSync() || (this.#closings > 0 && this.#lags);
      const noMetaSync = this.#lags;
      const tables = openTables({ path, create: create() && !this.#wasThere, noMetaSync, initial });
      const file = dataFileIn(path);
      if (file === undefined) throw folderGone(path);
      try {
        onOpen(tables);
      } catch (error) {
        void tables.root.close();
        throw error;
      }
      if (noMetaSync) flushNow(path);
      this.#opened = { tables, file, lock: fileIn(path, LOCK_FILE) };
      openFiles.set(idOf(file), this);
      this.#wasThere = true;
      onOpened();
      return tables;
    } catch (thrown) {
      throw this.toError(thrown);
    }
  }
}

function flushNow(path: string): void {
  const file = openSync(join(path, DATA_FILE), 'r+');
  try {
    fdatasyncSync(file);
  } finally {
    closeSync(file);
  }
}
