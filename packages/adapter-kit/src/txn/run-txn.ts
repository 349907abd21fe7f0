import {
  StoreError,
  type Bookmark,
  type KeyValue,
  type ListResult,
  type OpResult,
  type Revision,
  type TxnResult,
  type UndecodableKey,
} from '@holdfast/store';
import {
  handleRejection,
  isThenable,
  KeyRange,
  quoted,
  type DriverDeleteOptions,
  type DriverListOptions,
  type DriverOp,
  type DriverPutOptions,
  type DriverTxn,
} from '@holdfast/store/adapter';
import { listItems } from '../reads/list-items.js';
import { compareHolds, type Comparable } from './compares.js';

/** An entry whose key is not UTF-8. It is compared, counted and deleted with its range, and listed as undecodable. */
export type UndecodableEntry = UndecodableKey & Comparable;

/**
 * The state that a transaction runs on: inside a transaction of the backend, or where nobody else can write until it is over. Reads see the
 * writes before them. If anything rejects, the caller takes all of it back.
 */
export interface TxnState {
  /** Where the store stands before the transaction. */
  readonly before: Bookmark;
  /** The entries of a range, in any order. */
  entries(range: KeyRange): Promise<readonly KeyValue[]> | readonly KeyValue[];
  /** The entries of a range whose keys are not UTF-8, where the backend can have any. Not called for the range of one key. */
  undecodable?(range: KeyRange): Promise<readonly UndecodableEntry[]> | readonly UndecodableEntry[];
  /** Writes a key. `ttl`, `previous` and the two `ignore…` are done here: keep the value or the lease by what is given. */
  put(key: string, value: Uint8Array, options: Pick<DriverPutOptions, 'lease'>): unknown;
  /** Deletes a range. Not called where there is nothing to delete. */
  delete(range: KeyRange): unknown;
  /** The revision of the writes. Called at the end, if there were any. */
  revision(): Promise<Revision> | Revision;
  /** Refuses a put before anything is written, such as one under a lease that is not there. */
  checkPut?(key: string, options: DriverPutOptions): unknown;
  /** A list of a past revision, where the store can. */
  past?(range: KeyRange, options: DriverListOptions): Promise<ListResult> | ListResult;
}

/** A state whose functions return at once, for {@link runTxnSync}. */
export interface SyncTxnState extends TxnState {
  entries(range: KeyRange): readonly KeyValue[];
  undecodable?(range: KeyRange): readonly UndecodableEntry[];
  revision(): Revision;
  past?(range: KeyRange, options: DriverListOptions): ListResult;
}

/** Work that yields what it waits for, a promise or not, and is handed what came of it. */
type Steps<T> = Generator<unknown, T, unknown>;

type Step = Exclude<DriverOp, { type: 'txn' }> | { readonly type: 'txn'; readonly plan: Plan };

interface Plan {
  readonly succeeded: boolean;
  readonly steps: readonly Step[];
}

/**
 * Runs a transaction: compares, also those of nested transactions, on the state before it, then the operations in order. What can be refused
 * is refused before the first write.
 *
 * @throws StoreError `not-found` for `ignoreValue` and `ignoreLease` where the key is not there, and what the state throws
 */
export async function runTxn(txn: DriverTxn, state: TxnState): Promise<TxnResult> {
  const steps = stepsOf(txn, state);
  let step = steps.next();
  while (step.done !== true) step = await settle(steps, step.value);
  return step.value;
}

/**
 * The same, in one go: for a backend whose transactions are functions that nothing may interrupt. No function of the state may give a
 * promise.
 *
 * @throws StoreError as {@link runTxn}, and `internal` where the state gives a promise
 */
export function runTxnSync(txn: DriverTxn, state: SyncTxnState): TxnResult {
  const steps = stepsOf(txn, state);
  let step = steps.next();
  while (step.done !== true) {
    if (isThenable(step.value)) {
      // What the promise comes to is of no interest any more.
      handleRejection(step.value);
      throw new StoreError(
        'internal',
        'the adapter has a mistake: the state of runTxnSync() gave a promise; use runTxn()',
      );
    }
    step = steps.next(step.value);
  }
  return step.value;
}

async function settle(steps: Steps<TxnResult>, waitingFor: unknown): Promise<IteratorResult<unknown, TxnResult>> {
  let value: unknown;
  try {
    value = await waitingFor;
  } catch (error) {
    return steps.throw(error);
  }
  return steps.next(value);
}

function* stepsOf(txn: DriverTxn, state: TxnState): Steps<TxnResult> {
  const taken = yield* planOf(txn, state);
  const run = new TxnRun(state);
  yield* run.check(taken);
  const results = yield* run.steps(taken);
  const revision = run.writes === 0 ? state.before.revision : yield* what(state.revision());
  return run.report(taken, results, revision);
}

/** What a promise comes to, or what is no promise. */
function* what<T>(waitingFor: Promise<T> | T): Steps<T> {
  return (yield waitingFor) as T;
}

function* planOf(txn: DriverTxn, state: TxnState): Steps<Plan> {
  let succeeded = true;
  for (const compare of txn.if) {
    const entries = yield* what(state.entries(compare.range));
    const compared = [...entries, ...(yield* undecodableIn(state, compare.range))];
    if (!compareHolds(compare, compared)) {
      succeeded = false;
      break;
    }
  }
  const steps: Step[] = [];
  for (const op of succeeded ? txn.then : txn.else) {
    steps.push(op.type === 'txn' ? { type: 'txn', plan: yield* planOf(op.txn, state) } : op);
  }
  return { succeeded, steps };
}

function* undecodableIn(state: TxnState, range: KeyRange): Steps<readonly UndecodableEntry[]> {
  if (range.key !== undefined || state.undecodable === undefined) return [];
  return yield* what(state.undecodable(range));
}

/** A result whose revision is not known before the end. */
type Pending = (revision: Revision) => OpResult;

class TxnRun {
  readonly #state: TxnState;
  readonly #past = new Map<Step, ListResult>();
  writes = 0;

  constructor(state: TxnState) {
    this.#state = state;
  }

  *check(plan: Plan): Steps<void> {
    for (const step of plan.steps) {
      if (step.type === 'txn') yield* this.check(step.plan);
      else if (step.type === 'put') yield* this.#checkPut(step.key, step.options);
      else if (step.type === 'list' && step.options.revision !== undefined) {
        if (this.#state.past === undefined)
          throw new StoreError('unsupported', 'this store can not list a past revision');
        this.#past.set(step, yield* what(this.#state.past(step.range, step.options)));
      }
    }
  }

  *#checkPut(key: string, options: DriverPutOptions): Steps<void> {
    const { ignoreValue, ignoreLease } = options;
    if ((ignoreValue || ignoreLease) && (yield* this.#entry(key)) === undefined) {
      const option = ignoreValue ? 'ignoreValue' : 'ignoreLease';
      throw new StoreError('not-found', `${option} needs key ${quoted(key)} to exist, and it does not`, {
        outcome: 'not-applied',
      });
    }
    yield this.#state.checkPut?.(key, options);
  }

  *steps(plan: Plan): Steps<Pending[]> {
    const results: Pending[] = [];
    for (const step of plan.steps) results.push(yield* this.#step(step));
    return results;
  }

  report(plan: Plan, results: readonly Pending[], revision: Revision): TxnResult {
    return { succeeded: plan.succeeded, revision, results: results.map((toResult) => toResult(revision)) };
  }

  *#step(step: Step): Steps<Pending> {
    switch (step.type) {
      case 'put':
        return yield* this.#put(step.key, step.value, step.options);
      case 'delete':
        return yield* this.#delete(step.range, step.options);
      case 'get': {
        const item = yield* this.#entry(step.key);
        return () => ({ type: 'get', item });
      }
      case 'list':
        return yield* this.#list(step, step.range, step.options);
      case 'txn': {
        const results = yield* this.steps(step.plan);
        return (revision) => ({ type: 'txn', ...this.report(step.plan, results, revision) });
      }
      default:
        return step satisfies never;
    }
  }

  *#put(key: string, given: Uint8Array, options: DriverPutOptions): Steps<Pending> {
    const before = yield* this.#entry(key);
    const value = options.ignoreValue && before !== undefined ? before.value : given;
    yield this.#state.put(key, value, { lease: options.ignoreLease ? before?.lease : options.lease });
    this.writes += 1;
    const previous = options.previous ? before : undefined;
    return (revision) => (previous === undefined ? { type: 'put', revision } : { type: 'put', revision, previous });
  }

  *#delete(range: KeyRange, { previous }: DriverDeleteOptions): Steps<Pending> {
    const deleted = listItems(yield* what(this.#state.entries(range)), EVERYTHING).items;
    const count = deleted.length + (yield* undecodableIn(this.#state, range)).length;
    if (count > 0) {
      yield this.#state.delete(range);
      this.writes += 1;
    }
    return (revision) => ({
      type: 'delete',
      revision,
      deleted: count,
      ...(previous && { previous: deleted }),
    });
  }

  /** A list in mid-transaction saw a part of its revision. A watch from the revision before repeats that part, and loses nothing. */
  *#list(step: Step, range: KeyRange, options: DriverListOptions): Steps<Pending> {
    const past = this.#past.get(step);
    if (past !== undefined) return () => ({ type: 'list', ...past });
    const raw = yield* undecodableIn(this.#state, range);
    const undecodable = raw.map(({ rawKey, revision, deleted }) => ({ rawKey, revision, deleted }));
    const list = listItems(yield* what(this.#state.entries(range)), options, undecodable);
    const saw = this.writes;
    const { before } = this.#state;
    return (revision) => ({
      type: 'list',
      ...list,
      bookmark: { ...before, revision: saw === this.writes ? revision : before.revision },
    });
  }

  *#entry(key: string): Steps<KeyValue | undefined> {
    return (yield* what(this.#state.entries(KeyRange.ofKey(key))))[0];
  }
}

const EVERYTHING = {
  limit: undefined,
  keysOnly: false,
  countOnly: false,
  minModRevision: undefined,
  sort: undefined,
} as const;
