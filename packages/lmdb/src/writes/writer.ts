import { ABORT } from 'lmdb';
import { isStoreError, StoreError, type WriteOutcome } from '@holdfast/store';
import { abortable, withOutcome } from '@holdfast/store/adapter';
import type { Machine } from '../data/state.js';
import type { Database } from '../database/database.js';
import { checkStillThere, dataFileIn, type FileId } from '../database/folder.js';
import { readState, writeState, type Tables } from '../database/tables.js';
import { WriteTxn } from './write-txn.js';

export interface WriterOptions {
  readonly database: Database;
  readonly machine: Machine;
  /** Commits leave their last page to the next one: the file says so before the first of them. */
  readonly lags: () => boolean;
  /** A write is acknowledged after a flush of its own. */
  readonly flushEach: () => boolean;
  /** Called after each commit, with how many bytes its writes brought. */
  readonly onCommit: (bytes: number) => void;
}

export interface SubmitOptions {
  /** How many bytes it brings. */
  readonly bytes?: number;
  readonly signal?: AbortSignal | undefined;
  /** With `false`, its errors have no outcome: the contract has the call not as a write. Default: `true`. */
  readonly isWrite?: boolean;
}

/** A write that waits for its turn. */
interface Pending {
  readonly run: (txn: WriteTxn) => unknown;
  readonly bytes: number;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: StoreError) => void;
}

type Outcome = { readonly op: Pending } & ({ readonly result: unknown } | { readonly error: StoreError });

/** What one write transaction took, so that others of the same process, and other processes, have their turn. */
const MOST_WRITES = 1_000;
const MOST_BYTES = 8 * 1024 * 1024;
const MOST_MS = 20;

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
    const { bytes = 0, signal } = options;
    const done = new Promise<T>((resolve, reject) => {
      this.#waiting.push({ run, bytes, signal, resolve: resolve as (result: unknown) => void, reject });
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
    for (const op of group) if (op !== failed) await this.#runGroup(op);
  }

  async #commit(take: () => Pending[]): Promise<void> {
    const { database, machine, lags, flushEach, onCommit } = this.#options;
    const tables = database.tables();
    const file = dataFileIn(database.path);
    if (lags()) await this.#announce(tables);
    let outcomes: Outcome[] = [];
    let bytes = 0;
    let serial = 0;
    let committed = false;
    try {
      await tables.root.childTransaction(() => {
        const txn = new WriteTxn(tables, machine);
        serial = txn.state.serial;
        outcomes = this.#runEach(txn, take());
        bytes = outcomes.reduce((sum, { op }) => sum + op.bytes, 0);
        committed = txn.finish();
        return committed ? undefined : ABORT;
      });
    } catch (thrown) {
      if (thrown instanceof Spoilt) throw thrown;
      throw await this.#failure(thrown, serial);
    }
    if (committed) {
      if (flushEach()) await database.flush(tables);
      checkThere(database.path, file);
      onCommit(bytes);
    }
    for (const outcome of outcomes) {
      if ('result' in outcome) outcome.op.resolve(outcome.result);
      else outcome.op.reject(outcome.error);
    }
  }

  #runEach(txn: WriteTxn, group: readonly Pending[]): Outcome[] {
    const began = performance.now();
    const outcomes: Outcome[] = [];
    txn.expireLeases();
    for (const [i, op] of group.entries()) {
      if (i > 0 && performance.now() - began > MOST_MS) {
        this.#waiting.unshift(...group.slice(i));
        break;
      }
      const outcome = this.#runOne(txn, op);
      if (outcome !== undefined) outcomes.push(outcome);
    }
    return outcomes;
  }

  #runOne(txn: WriteTxn, op: Pending): Outcome | undefined {
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
    await tables.root.childTransaction(() => {
      const state = readState(tables);
      state.clean = false;
      state.serial += 1;
      writeState(tables, state);
    });
    await database.flush(tables);
  }

  /** What a commit that failed means. The file is opened anew: LMDB takes no more of an environment whose last page was not written. */
  async #failure(thrown: unknown, serial: number): Promise<StoreError> {
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
    const error = database.toError(cause);
    return withOutcome(error, this.#isStill(serial) ? 'not-applied' : 'unknown');
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
