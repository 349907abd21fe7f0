import { ABORT } from 'lmdb';
import { isStoreError, StoreError, type WriteOutcome } from '@holdfast/store';
import { abortable, withOutcome } from '@holdfast/store/adapter';
import type { Machine } from '../data/state.js';
import type { Database } from '../database/database.js';
import { checkStillThere, dataFileIn, type FileId } from '../database/folder.js';
import { behindAgain } from '../errors.js';
import { readState, writeState, type Tables } from '../database/tables.js';
import { WriteTxn } from './write-txn.js';

export interface WriterOptions {
  readonly database: Database;
  readonly machine: Machine;
  /** Called after each commit, with how many bytes its writes brought. */
  readonly onCommit: (bytes: number) => void;
}

export interface SubmitOptions {
  /** How many bytes it brings. */
  readonly bytes?: number;
  readonly signal?: AbortSignal | undefined;
  /** It is acknowledged when it is flushed. Default: `true`. */
  readonly flush?: boolean;
  /** With `false`, its errors have no outcome: the contract has the call not as a write. Default: `true`. */
  readonly isWrite?: boolean;
}

/** A write that waits for its turn. */
interface Pending {
  readonly run: (txn: WriteTxn) => unknown;
  readonly bytes: number;
  readonly flush: boolean;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: StoreError) => void;
}

type Outcome = { readonly op: Pending } & ({ readonly result: unknown } | { readonly error: StoreError });

/** What one write transaction took, so that others of the same process, and other processes, have their turn. */
const MOST_WRITES = 1_000;
const MOST_BYTES = 8 * 1024 * 1024;
const MOST_MS = 20;

/** How often in a row a file is opened anew for one transaction. */
const MOST_BEHIND = 20;

/** Something failed after a write had begun: all of the transaction is taken back. */
class Spoilt extends Error {
  readonly op: Pending;
  readonly thrown: unknown;

  constructor(op: Pending, thrown: unknown) {
    super('a write failed half-way');
    this.op = op;
    this.thrown = thrown;
  }
}

/**
 * All writes of this process. Those that wait at the same time share one transaction of LMDB, and so one flush. They follow one another in it:
 * each sees those before it, and has a revision of its own.
 */
export class Writer {
  readonly #options: WriterOptions;
  #waiting: Pending[] = [];
  #running: Promise<void> | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /**
   * Runs a write in its turn. Rejects with `outcome: 'not-applied'` where nothing was committed for certain.
   *
   * @param run may throw a StoreError before it writes anything
   */
  async submit<T>(run: (txn: WriteTxn) => T, options: SubmitOptions = {}): Promise<T> {
    const { bytes = 0, flush = true, signal } = options;
    const done = new Promise<T>((resolve, reject) => {
      this.#waiting.push({ run, bytes, flush, signal, resolve: resolve as (result: unknown) => void, reject });
    });
    this.#running ??= this.#runAll();
    try {
      return await abortable(done, signal);
    } catch (error) {
      throw options.isWrite === false ? withoutOutcome(error) : error;
    }
  }

  /** Resolves when no write is under way. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #runAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.#runGroup();
    this.#running = undefined;
  }

  /** Takes those that wait when the transaction begins. */
  async #runGroup(only?: Pending): Promise<void> {
    let group: Pending[] = only === undefined ? [] : [only];
    const take = () => {
      if (only === undefined) group = this.#take();
      return group;
    };
    try {
      await this.#commit(take);
    } catch (thrown) {
      // Failed before it began: those that wait get the reason.
      if (group.length === 0) group = this.#take();
      if (thrown instanceof Spoilt) await this.#afterSpoilt(group, thrown);
      else if (group.length > 1 && isFull(thrown)) await this.#runAlone(group);
      else this.#rejectAll(group, thrown);
    }
  }

  #take(): Pending[] {
    const group: Pending[] = [];
    let bytes = 0;
    while (this.#waiting.length > 0 && group.length < MOST_WRITES && bytes < MOST_BYTES) {
      const op = this.#waiting.shift();
      if (op === undefined) break;
      group.push(op);
      bytes += op.bytes;
    }
    return group;
  }

  /** One of them failed half-way. The others were sound: each is done anew, in a transaction of its own. */
  async #afterSpoilt(group: readonly Pending[], { op: failed, thrown }: Spoilt): Promise<void> {
    this.#reject(failed, thrown, 'not-applied');
    await this.#runAlone(group.filter((op) => op !== failed));
  }

  async #runAlone(ops: readonly Pending[]): Promise<void> {
    for (const op of ops) await this.#runGroup(op);
  }

  async #commit(take: () => Pending[]): Promise<void> {
    const { database, machine, onCommit } = this.#options;
    let tables = database.tables();
    const file = dataFileIn(database.path);
    let behind = 0;
    let outcomes: Outcome[] = [];
    let serial = 0;
    let committed = false;
    let announced = true;
    do {
      if (database.lags) await this.#announce(tables);
      let isBehind = false;
      const { root } = tables;
      const opened = tables;
      try {
        await root.childTransaction(() => {
          isBehind = database.isBehind(opened);
          if (isBehind) return ABORT;
          const txn = new WriteTxn(opened, machine);
          serial = txn.state.serial;
          // Another process may have noted since that all is flushed.
          announced = !database.lags || !txn.state.clean;
          if (!announced) return ABORT;
          outcomes = this.#runEach(txn, take());
          committed = txn.finish();
          return committed ? undefined : ABORT;
        });
      } catch (thrown) {
        if (thrown instanceof Spoilt) throw thrown;
        throw await this.#failure(thrown, serial);
      }
      if (!isBehind) continue;
      if ((behind += 1) > MOST_BEHIND) throw notApplied(behindAgain(database.path));
      await database.close();
      tables = database.tables();
      announced = false;
    } while (!announced);
    if (committed) {
      if (database.lags && outcomes.some(({ op }) => op.flush)) await this.#flush(tables);
      checkThere(database.path, file);
      onCommit(outcomes.reduce((sum, { op }) => sum + op.bytes, 0));
    }
    for (const outcome of outcomes) {
      if ('result' in outcome) outcome.op.resolve(outcome.result);
      else outcome.op.reject(outcome.error);
    }
  }

  /** Those that it has no time for leave the group, and wait again. */
  #runEach(txn: WriteTxn, group: Pending[]): Outcome[] {
    const began = performance.now();
    const outcomes: Outcome[] = [];
    txn.expireLeases();
    for (const [i, op] of group.entries()) {
      if (i > 0 && performance.now() - began > MOST_MS) {
        this.#waiting.unshift(...group.splice(i));
        break;
      }
      outcomes.push(this.#runOne(txn, op));
    }
    return outcomes;
  }

  #runOne(txn: WriteTxn, op: Pending): Outcome {
    const { signal } = op;
    if (signal?.aborted === true) return { op, error: withOutcome(signal.reason as StoreError, 'not-applied') };
    const before = txn.writes;
    try {
      return { op, result: op.run(txn) };
    } catch (thrown) {
      if (txn.writes > before) throw new Spoilt(op, thrown);
      return { op, error: notApplied(this.#options.database.toError(thrown)) };
    }
  }

  /**
   * Before the first commit whose last page is not flushed, the file says so, and that is flushed. After a power cut, the next process knows
   * then that revisions may be lost.
   */
  async #announce(tables: Tables): Promise<void> {
    const { database } = this.#options;
    if (!database.read(readState).clean) return;
    try {
      await tables.root.childTransaction(() => {
        if (database.isBehind(tables)) return ABORT;
        const state = readState(tables);
        state.clean = false;
        state.serial += 1;
        writeState(tables, state);
        return undefined;
      });
      await database.flush(tables);
    } catch (thrown) {
      // The writes that wait have not begun.
      throw notApplied(await this.#reopen(thrown));
    }
  }

  /** The commit is there, and can be seen: whether it will stay is not certain. */
  async #flush(tables: Tables): Promise<void> {
    const { database } = this.#options;
    try {
      await database.flush(tables);
    } catch (thrown) {
      throw withOutcome(database.toError(thrown), 'unknown');
    }
  }

  /** What a commit that failed means. */
  async #failure(thrown: unknown, serial: number): Promise<StoreError> {
    const error = await this.#reopen(thrown);
    return withOutcome(error, this.#isStill(serial) ? 'not-applied' : 'unknown');
  }

  /** Has the file opened anew after a failed commit: LMDB takes no more of an environment whose last page was not written. */
  async #reopen(thrown: unknown): Promise<StoreError> {
    const { database } = this.#options;
    let cause = thrown;
    const { commitError } = (thrown ?? {}) as { readonly commitError?: Promise<unknown> };
    if (commitError !== undefined) {
      try {
        await commitError;
      } catch (reason) {
        cause = reason;
      }
    }
    await database.close();
    return database.toError(cause);
  }

  #isStill(serial: number): boolean {
    try {
      return this.#options.database.read(readState).serial === serial;
    } catch {
      return false;
    }
  }

  #rejectAll(group: readonly Pending[], thrown: unknown): void {
    const error = this.#options.database.toError(thrown);
    for (const op of group) this.#reject(op, error, 'not-applied');
  }

  #reject(op: Pending, thrown: unknown, byDefault: WriteOutcome): void {
    const error = this.#options.database.toError(thrown);
    op.reject(error.outcome === undefined ? withOutcome(error, byDefault) : error);
  }
}

/** The disk took no more: a write that brings less may have room. */
function isFull(thrown: unknown): boolean {
  return isStoreError(thrown, 'unavailable') && !thrown.retryable && thrown.outcome === 'not-applied';
}

function notApplied(error: StoreError): StoreError {
  return error.outcome === undefined ? withOutcome(error, 'not-applied') : error;
}

function withoutOutcome(error: unknown): unknown {
  if (!isStoreError(error) || error.outcome === undefined) return error;
  const { code, message, retryable, cause } = error;
  return new StoreError(code, message, { retryable, cause });
}

/** A commit into a folder that is gone is seen by nobody. */
function checkThere(path: string, file: FileId | undefined): void {
  try {
    if (file !== undefined) checkStillThere(path, file);
  } catch (error) {
    throw withOutcome(error as StoreError, 'unknown');
  }
}
