import { closeSync, fdatasyncSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreError } from '@holdfast/store';
import type { StoreState } from '../data/state.js';
import { folderGone, toLmdbError } from '../errors.js';
import { DATA_FILE, dataFileIn, isSame, type FileId } from './folder.js';
import { openTables, type Tables } from './tables.js';

export interface DatabaseOptions {
  readonly path: string;
  readonly create: boolean;
  readonly noMetaSync: boolean;
  /** The state of a store that is made now. */
  readonly initial: () => StoreState;
  /** Called when the file was opened, before anything is served. */
  readonly onOpen: (tables: Tables) => void;
}

/**
 * The open file. It is opened with the first call, and again where another file has taken its place. A folder that is gone is an outage: once
 * a store was there, no empty one is made.
 */
export class Database {
  readonly #options: DatabaseOptions;
  #opened: { readonly tables: Tables; readonly file: FileId } | undefined;
  /** There was a store in the folder. */
  #wasThere = false;
  #closing: Promise<void> = Promise.resolve();

  constructor(options: DatabaseOptions) {
    this.#options = options;
  }

  get path(): string {
    return this.#options.path;
  }

  /** How often the file was opened: tables of before are closed. */
  openings = 0;

  /** @throws StoreError `unavailable` while the folder is gone, and whatever else keeps the file from being opened */
  tables(): Tables {
    const opened = this.#opened;
    const found = dataFileIn(this.path);
    if (opened !== undefined && found !== undefined && isSame(opened.file, found)) return opened.tables;
    if (found === undefined && this.#wasThere) throw folderGone(this.path);
    // Another folder was put in its place: what is there now is the store.
    if (opened !== undefined) void this.close();
    return this.#open();
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
    if (opened !== undefined)
      this.#closing = Promise.all([this.#closing, opened.tables.root.close()]).then(() => undefined);
    await this.#closing;
  }

  #open(): Tables {
    const { path, create, noMetaSync, initial, onOpen } = this.#options;
    try {
      const tables = openTables({ path, create: create && !this.#wasThere, noMetaSync, initial });
      const file = dataFileIn(path);
      if (file === undefined) throw folderGone(path);
      try {
        onOpen(tables);
      } catch (error) {
        void tables.root.close();
        throw error;
      }
      if (noMetaSync) flushNow(path);
      this.#opened = { tables, file };
      this.#wasThere = true;
      this.openings += 1;
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
