import type { Clock, Logger } from '@holdfast/store';
import { thisMachine, type Machine } from '../data/state.js';
import { Database } from '../database/database.js';
import { readState, writeState } from '../database/tables.js';
import { Writer } from '../writes/writer.js';
import { dataBytes } from '../database/folder.js';
import { adopt, initialState } from './adopt.js';
import { Doorbell } from './doorbell.js';

/** Who has a folder open. */
export interface FolderUser {
  readonly sync: 'always' | 'batched';
  readonly create: boolean;
  /** Called after each commit, with how many bytes its writes brought. */
  onCommit(bytes: number): void;
  /** Called when the file was opened, or opened anew. */
  onOpening(): void;
}

/**
 * One folder, as everything in this process shares it: its file, its writer, its doorbell. LMDB opens a file once in a process. A second
 * transaction of the same thread would wait for the first one, which waits for the thread: so there is one writer, whatever the options of the
 * handles are.
 */
export class Folder {
  readonly database: Database;
  readonly doorbell: Doorbell;
  readonly writer: Writer;
  readonly machine: Machine;
  readonly #logger: Logger;
  readonly #users = new Set<FolderUser>();
  #hasWritten = false;
  /** Called when the file was closed, and nobody has joined since. */
  onClosed: () => void = () => undefined;

  constructor(path: string, clock: Clock, logger: Logger) {
    this.#logger = logger;
    this.machine = thisMachine(clock);
    this.doorbell = new Doorbell(path);
    this.database = new Database({
      path,
      create: () => [...this.#users].some(({ create }) => create),
      noMetaSync: () => [...this.#users].some(({ sync }) => sync === 'batched'),
      initial: () => initialState(this.machine),
      onOpen: (tables) => {
        adopt(tables, this.machine, path);
      },
      onOpened: () => {
        // The bell may be another file, and what has to be done may be due.
        this.doorbell.reset();
        for (const user of this.#users) user.onOpening();
      },
    });
    this.writer = new Writer({
      database: this.database,
      machine: this.machine,
      onCommit: (bytes) => {
        this.#hasWritten = true;
        this.doorbell.ring(dataBytes(path));
        for (const user of this.#users) user.onCommit(bytes);
      },
    });
  }

  get isUsed(): boolean {
    return this.#users.size > 0;
  }

  join(user: FolderUser): void {
    this.#users.add(user);
  }

  /** The last one flushes, notes that all is flushed, and closes the file, unless somebody joins meanwhile. */
  async leave(user: FolderUser): Promise<void> {
    this.#users.delete(user);
    if (this.isUsed) return;
    await this.writer.idle();
    if (this.#hasWritten && !this.isUsed) await this.#noteClean();
    if (this.isUsed) return;
    this.doorbell.close();
    await this.database.close();
    if (!this.isUsed) this.onClosed();
  }

  async #noteClean(): Promise<void> {
    this.#hasWritten = false;
    try {
      const tables = this.database.tables();
      await this.database.flush(tables);
      await tables.root.childTransaction(() => {
        const state = readState(tables);
        state.clean = true;
        state.serial += 1;
        writeState(tables, state);
      });
      await this.database.flush(tables);
    } catch (error) {
      this.#logger.debug?.('the store could not be marked as flushed', { error });
    }
  }
}
