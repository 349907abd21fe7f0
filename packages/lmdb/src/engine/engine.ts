import type { ChangesQuery, Changes, Head } from '@holdfast/adapter-kit';
import type { Clock, Logger, Revision, TimerHandle } from '@holdfast/store';
import { backgroundClock, inNextTurn, invalidArgument, nextTurn } from '@holdfast/store/adapter';
import { mkdirSync, readdirSync } from 'node:fs';
import { thisMachine, type Machine } from '../data/state.js';
import { Database } from '../database/database.js';
import { freeBytes } from '../database/folder.js';
import { readMarks, readState, usedBytes, writeMarks, writeState, type Tables } from '../database/tables.js';
import { diskFull, quotaReached, toLmdbError } from '../errors.js';
import { changesSince } from '../history/changes.js';
import { closeHistory, dueCompaction, hasClosed, reclaim } from '../history/compaction.js';
import { firstDeadline } from '../leases/lease-book.js';
import type { ResolvedOptions } from '../options.js';
import { Writer, type SubmitOptions } from '../writes/writer.js';
import type { WriteTxn } from '../writes/write-txn.js';
import { adopt, initialState } from './adopt.js';
import { Doorbell } from './doorbell.js';

export type EngineOptions = Omit<ResolvedOptions, 'name' | 'maxRequestBytes' | 'maxTxnOperations'>;

// How many changes are freed in one transaction.
const RECLAIM_AT_ONCE = 1_000;
// How often the slots of readers that died are cleared.
const READER_CHECK_MS = 30_000;
// How much of a disk is left for deletes and compactions: LMDB writes pages anew also to delete.
const RESERVED_BYTES = 4 * 1024 * 1024;
// After how many bytes of writes the file is measured anew.
const MEASURE_AFTER = 256 * 1024;
const MARKS = 20;
const LONG_TURN_MS = 5;

// LMDB opens a file once in a process: where one handle is 'batched', the commits of all leave their last page to the next one.
const laggingPaths = new Set<string>();

/** One folder, as the handles of this process share it: its file, its writer, its doorbell, and what has to be done now and then. */
export class Engine {
  readonly database: Database;
  readonly doorbell: Doorbell;
  readonly machine: Machine;
  readonly wallMs: () => number;
  readonly #options: EngineOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #writer: Writer;
  #handles = 0;
  #timer: TimerHandle;
  #tending: Promise<void> | undefined;
  #usedBytes: number | undefined;
  #writtenBytes = 0;
  #readersCheckedAt = 0;
  #hasWritten = false;
  #openings = 0;
  /** When the first read of this turn of the event loop was. */
  #turnBegan: number | undefined;

  constructor(options: EngineOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
    this.#clock = backgroundClock(options.clock);
    this.machine = thisMachine(options.clock);
    this.wallMs = () => options.clock.now();
    const { path, create } = options;
    const noMetaSync = options.sync === 'batched';
    if (noMetaSync) laggingPaths.add(path);
    this.database = new Database({
      path,
      create,
      noMetaSync,
      initial: () => initialState(this.machine),
      onOpen: (tables) => {
        adopt(tables, this.machine, path);
      },
    });
    this.doorbell = new Doorbell(path);
    this.#writer = new Writer({
      database: this.database,
      machine: this.machine,
      lags: () => laggingPaths.has(path),
      flushEach: () => !noMetaSync && laggingPaths.has(path),
      onCommit: (bytes) => {
        this.#hasWritten = true;
        this.#writtenBytes += bytes;
        this.doorbell.ring();
        this.#arm();
      },
    });
  }

  open(): void {
    this.#handles += 1;
  }

  /** The last handle flushes, notes that all is flushed, and closes the file. */
  async close(): Promise<void> {
    this.#handles -= 1;
    if (this.#handles > 0) return;
    this.#disarm();
    await this.#tending;
    await this.#writer.idle();
    if (this.#hasWritten) await this.#noteClean();
    this.doorbell.close();
    await this.database.close();
  }

  get isClosed(): boolean {
    return this.#handles === 0;
  }

  /** For reads of callers: a loop of them must not keep the process from whatever else it has to do, such as its writes. */
  async readInTurn<T>(work: (tables: Tables) => T): Promise<T> {
    if (this.#turnBegan === undefined) {
      this.#turnBegan = performance.now();
      inNextTurn(() => {
        this.#turnBegan = undefined;
      });
    } else if (performance.now() - this.#turnBegan > LONG_TURN_MS) {
      await nextTurn();
    }
    return this.read(work);
  }

  read<T>(work: (tables: Tables) => T): T {
    const result = this.database.read(work);
    this.#noticeOpening();
    return result;
  }

  async write<T>(run: (txn: WriteTxn) => T, options: SubmitOptions = {}): Promise<T> {
    return this.#writer.submit(run, options);
  }

  head(): Head {
    const { head, identity } = this.read(readState);
    return { revision: head as Revision, identity };
  }

  changesSince(after: number, query: ChangesQuery): Changes {
    return this.read((tables) => changesSince(tables, after, query));
  }

  async copyTo(folder: string): Promise<void> {
    const { root } = this.database.tables();
    try {
      mkdirSync(folder, { recursive: true });
      if (readdirSync(folder).length > 0)
        throw invalidArgument(`${folder} is not empty; copy into a folder of its own`);
      await root.backup(folder, true);
    } catch (thrown) {
      throw toLmdbError(thrown, folder);
    }
  }

  sizeBytes(): number {
    return this.read(usedBytes);
  }

  /**
   * Refuses a write that brings data where there is no room for it.
   *
   * @throws StoreError `unavailable`
   */
  checkRoom(bytes: number): void {
    const { path, quotaBytes } = this.#options;
    if (
      this.#usedBytes === undefined ||
      this.#writtenBytes > MEASURE_AFTER ||
      this.#usedBytes + this.#writtenBytes * 2 > quotaBytes
    ) {
      this.#usedBytes = this.read(usedBytes);
      this.#writtenBytes = 0;
    }
    if (this.#usedBytes + bytes > quotaBytes) throw quotaReached(path, this.#usedBytes, quotaBytes);
    const free = freeBytes(path);
    if (free !== undefined && free < RESERVED_BYTES + 2 * bytes) throw diskFull(path, free);
  }

  /** Closes the history before a revision, and frees what it took. The promise of `freed` resolves when that is done. */
  async compact(revision: number, signal: AbortSignal | undefined): Promise<{ readonly freed: Promise<void> }> {
    await this.write(
      (txn) => {
        closeHistory(txn.state, revision);
        txn.touch();
      },
      { signal },
    );
    return { freed: this.#reclaimAll() };
  }

  async #reclaimAll(): Promise<void> {
    while (!this.isClosed && this.read((tables) => hasClosed(tables, readState(tables)))) {
      await this.write((txn) => {
        txn.touch();
        reclaim(txn.tables, txn.state, RECLAIM_AT_ONCE);
      });
      this.#usedBytes = undefined;
    }
  }

  /** Looks after the store: expired leases of any process, old history, slots of dead readers. Called now and then. */
  tend(): Promise<void> {
    this.#tending ??= this.#tend().finally(() => {
      this.#tending = undefined;
      this.#arm();
    });
    return this.#tending;
  }

  async #tend(): Promise<void> {
    try {
      const { history } = this.#options;
      const now = this.machine.uptimeMs();
      const { due, closed, deadline, markDue } = this.read((tables) => {
        const state = readState(tables);
        const marks = history.ageMs === undefined ? [] : readMarks(tables);
        return {
          due: dueCompaction(state, marks, now, history),
          closed: hasClosed(tables, state),
          deadline: firstDeadline(tables),
          markDue: this.#isMarkDue(marks.at(-1), state.head, now),
        };
      });
      if (deadline !== undefined && deadline <= now) await this.write(() => undefined);
      if (markDue)
        await this.write((txn) => {
          this.#mark(txn);
        });
      if (due !== undefined) {
        await this.write((txn) => {
          if (due <= txn.state.compacted) return;
          closeHistory(txn.state, due);
          txn.touch();
        });
      }
      if (due !== undefined || closed) await this.#reclaimAll();
      this.#checkReaders(now);
    } catch (error) {
      this.#logger.debug?.('the store could not be looked after; it is tried again', { error });
    }
  }

  #isMarkDue(
    last: { readonly uptimeMs: number; readonly head: number } | undefined,
    head: number,
    now: number,
  ): boolean {
    const { ageMs } = this.#options.history;
    if (ageMs === undefined || head === last?.head) return false;
    return last === undefined || now - last.uptimeMs >= ageMs / MARKS;
  }

  #mark(txn: WriteTxn): void {
    const marks = readMarks(txn.tables);
    txn.touch();
    writeMarks(txn.tables, [...marks.slice(-2 * MARKS), { uptimeMs: txn.nowMs, head: txn.state.head }]);
  }

  #checkReaders(now: number): void {
    if (now - this.#readersCheckedAt < READER_CHECK_MS) return;
    this.#readersCheckedAt = now;
    this.read(({ root }) => root.readerCheck());
  }

  /** Sets the one timer: for the first lease that expires, but not later than `pollMs`, since other processes grant leases too. */
  #arm(): void {
    this.#disarm();
    if (this.isClosed) return;
    let waitMs = this.#options.pollMs;
    try {
      const deadline = this.database.read(firstDeadline);
      if (deadline !== undefined) waitMs = Math.min(waitMs, Math.max(1, deadline - this.machine.uptimeMs()));
    } catch {
      // It is looked at again.
    }
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      void this.tend();
    }, waitMs);
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** After the file was opened, or opened anew, the bell is another file, and what has to be done may be due. */
  #noticeOpening(): void {
    if (this.database.openings === this.#openings) return;
    this.#openings = this.database.openings;
    this.#usedBytes = undefined;
    this.doorbell.reset();
    this.#arm();
  }

  async #noteClean(): Promise<void> {
    try {
      const tables = this.database.tables();
      await this.database.flush(tables);
      await tables.root.childTransaction(() => {
        this.#writeClean(tables);
      });
      await this.database.flush(tables);
    } catch (error) {
      this.#logger.debug?.('the store could not be marked as flushed', { error });
    }
  }

  #writeClean(tables: Tables): void {
    const state = readState(tables);
    state.clean = true;
    state.serial += 1;
    writeState(tables, state);
  }
}
