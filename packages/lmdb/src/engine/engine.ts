import type { ChangesQuery, Changes, Head } from '@holdfast/adapter-kit';
import type { Clock, Logger, Revision, TimerHandle } from '@holdfast/store';
import { backgroundClock, inNextTurn, invalidArgument, monotonicMs, nextTurn } from '@holdfast/store/adapter';
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../data/state.js';
import type { Database } from '../database/database.js';
import { DATA_FILE, dataFileIn, freeBytes, idOf } from '../database/folder.js';
import { readMarks, readState, usedBytes, writeMarks, type Tables } from '../database/tables.js';
import { behindAgain, closed as storeClosed, diskFull, folderGone, quotaReached, toLmdbError } from '../errors.js';
import { changesSince } from '../history/changes.js';
import { closeHistory, dueCompaction, hasClosed, reclaim } from '../history/compaction.js';
import { firstDeadline } from '../leases/lease-book.js';
import type { ResolvedOptions } from '../options.js';
import type { SubmitOptions } from '../writes/writer.js';
import type { WriteTxn } from '../writes/write-txn.js';
import type { Doorbell } from './doorbell.js';
import type { Folder, FolderUser } from './folder.js';

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

/** A folder as the handles with the same options see it, and what has to be done there now and then. */
export class Engine implements FolderUser {
  readonly sync: 'always' | 'batched';
  readonly create: boolean;
  readonly wallMs: () => number;
  readonly #folder: Folder;
  readonly #options: EngineOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #handles = 0;
  /** Where the store was when it was looked at last. */
  #seen: { readonly identity: string; readonly head: number; readonly file: string | undefined } | undefined;
  #reopening: Promise<void> | undefined;
  #timer: TimerHandle;
  #timerAtMs = 0;
  #tending: Promise<void> | undefined;
  #usedBytes: number | undefined;
  #writtenBytes = 0;
  /** What the writes bring that wait or are under way. */
  #pendingBytes = 0;
  #readersCheckedAt = 0;
  /** When the first read of this turn of the event loop was. */
  #turnBegan: number | undefined;

  constructor(folder: Folder, options: EngineOptions, logger: Logger) {
    this.#folder = folder;
    this.#options = options;
    this.#logger = logger;
    this.#clock = backgroundClock(options.clock);
    this.sync = options.sync;
    this.create = options.create;
    this.wallMs = () => options.clock.now();
  }

  get database(): Database {
    return this.#folder.database;
  }

  get doorbell(): Doorbell {
    return this.#folder.doorbell;
  }

  get machine(): Machine {
    return this.#folder.machine;
  }

  onCommit(bytes: number): void {
    this.#writtenBytes += bytes;
    this.#arm();
  }

  onOpening(): void {
    this.#usedBytes = undefined;
    this.#arm();
  }

  open(): void {
    this.#handles += 1;
    if (this.#handles > 1) return;
    this.#folder.join(this);
    if (this.database.wasThere) this.#arm();
  }

  async close(): Promise<void> {
    this.#handles -= 1;
    if (this.#handles > 0) return;
    this.#disarm();
    await this.#tending;
    await this.#folder.leave(this);
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
    this.#checkOpen();
    return this.database.read(work);
  }

  async write<T>(run: (txn: WriteTxn) => T, options: Omit<SubmitOptions, 'flush'> = {}): Promise<T> {
    this.#checkOpen();
    const { bytes = 0 } = options;
    this.#pendingBytes += bytes;
    try {
      return await this.#folder.writer.submit(run, { ...options, flush: this.sync === 'always' });
    } finally {
      this.#pendingBytes -= bytes;
    }
  }

  #checkOpen(): void {
    // A closed file must not be opened again, and another handle's option must not make a store for this one.
    if (this.isClosed) throw storeClosed();
    const { path } = this.#options;
    if (!this.create && !this.database.wasThere && dataFileIn(path) === undefined) throw folderGone(path);
  }

  head(): Head {
    const { head, identity } = this.read(readState);
    this.#checkForward(identity, head);
    return { revision: head as Revision, identity };
  }

  changesSince(after: number, query: ChangesQuery): Changes {
    const changes = this.read((tables) => changesSince(tables, after, query));
    this.#checkForward(changes.identity, changes.head);
    return changes;
  }

  /**
   * Looks whether the file has gone back. Another process that opened it may have hidden its newest commit (see {@link Database.isBehind}): once it
   * is opened anew, that is there again. A store that was restored is another file.
   */
  #checkForward(identity: string, head: number): void {
    const found = dataFileIn(this.#options.path);
    const file = found && idOf(found);
    const seen = this.#seen;
    if (seen?.identity === identity && seen.file === file && head < seen.head) {
      this.#reopening ??= this.#openAnew().finally(() => (this.#reopening = undefined));
      throw behindAgain(this.#options.path);
    }
    this.#seen = { identity, head, file };
  }

  /** As a write that changes nothing: in its turn, it notices that too. While others are under way, LMDB can't be closed. */
  async #openAnew(): Promise<void> {
    await this.#folder.writer.submit(() => undefined, { isWrite: false }).catch(() => undefined);
  }

  async copyTo(folder: string): Promise<void> {
    const { root } = this.database.tables();
    try {
      mkdirSync(folder, { recursive: true });
      if (readdirSync(folder).length > 0)
        throw invalidArgument(`${folder} is not empty; copy into a folder of its own`);
      await root.backup(folder, true);
      // The original may be thrown away as soon as the copy is there.
      flushFile(join(folder, DATA_FILE));
      flushFile(folder);
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
    const expected = this.#pendingBytes + bytes;
    if (
      this.#usedBytes === undefined ||
      this.#writtenBytes > MEASURE_AFTER ||
      this.#usedBytes + (this.#writtenBytes + expected) * 2 > quotaBytes
    ) {
      this.#usedBytes = this.read(usedBytes);
      this.#writtenBytes = 0;
    }
    if (this.#usedBytes + expected > quotaBytes) throw quotaReached(path, this.#usedBytes, quotaBytes);
    const free = freeBytes(path);
    if (free !== undefined && free < RESERVED_BYTES + 2 * expected) throw diskFull(path, free);
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

  /**
   * Sets the one timer: for the first lease that expires, but not later than `pollMs`, since other processes grant leases too. A timer that is
   * set already is never put off: with writes all the time, it would never ring.
   */
  #arm(): void {
    if (this.isClosed || this.#tending !== undefined) return;
    let waitMs = this.#options.pollMs;
    try {
      const deadline = this.database.read(firstDeadline);
      if (deadline !== undefined) waitMs = Math.min(waitMs, Math.max(1, deadline - this.machine.uptimeMs()));
    } catch {
      // It is looked at again.
    }
    const atMs = monotonicMs(this.#options.clock) + waitMs;
    if (this.#timer !== undefined && this.#timerAtMs <= atMs) return;
    this.#disarm();
    this.#timerAtMs = atMs;
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      void this.tend();
    }, waitMs);
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function flushFile(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
