import {
  StoreError,
  type Bookmark,
  type KeyValue,
  type ListResult,
  type OpResult,
  type Revision,
  type TxnResult,
} from '@holdfast/store';
import {
  KeyRange,
  quoted,
  type DriverDeleteOptions,
  type DriverListOptions,
  type DriverOp,
  type DriverPutOptions,
  type DriverTxn,
} from '@holdfast/store/adapter';
import { listItems } from '../reads/list-items.js';
import { compareHolds } from './compares.js';

/**
 * The state that a transaction runs on: inside a transaction of the backend, or where nobody else can write until it is over. Reads see the
 * writes before them. If anything rejects, the caller takes all of it back.
 */
export interface TxnState {
  /** Where the store stands before the transaction. */
  readonly before: Bookmark;
  /** The entries of a range, in any order. */
  entries(range: KeyRange): Promise<readonly KeyValue[]> | readonly KeyValue[];
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
  const taken = await planOf(txn, state);
  const run = new TxnRun(state);
  await run.check(taken);
  const results = await run.steps(taken);
  return run.report(taken, results, run.writes === 0 ? state.before.revision : await state.revision());
}

async function planOf(txn: DriverTxn, state: TxnState): Promise<Plan> {
  let succeeded = true;
  for (const compare of txn.if) {
    if (!compareHolds(compare, await state.entries(compare.range))) {
      succeeded = false;
      break;
    }
  }
  const steps: Step[] = [];
  for (const op of succeeded ? txn.then : txn.else) {
    steps.push(op.type === 'txn' ? { type: 'txn', plan: await planOf(op.txn, state) } : op);
  }
  return { succeeded, steps };
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

  async check(plan: Plan): Promise<void> {
    for (const step of plan.steps) {
      if (step.type === 'txn') await this.check(step.plan);
      else if (step.type === 'put') await this.#checkPut(step.key, step.options);
      else if (step.type === 'list' && step.options.revision !== undefined) {
        if (this.#state.past === undefined)
          throw new StoreError('unsupported', 'this store can not list a past revision');
        this.#past.set(step, await this.#state.past(step.range, step.options));
      }
    }
  }

  async #checkPut(key: string, options: DriverPutOptions): Promise<void> {
    const { ignoreValue, ignoreLease } = options;
    if ((ignoreValue || ignoreLease) && (await this.#entry(key)) === undefined) {
      const option = ignoreValue ? 'ignoreValue' : 'ignoreLease';
      throw new StoreError('not-found', `${option} needs key ${quoted(key)} to exist, and it does not`, {
        outcome: 'not-applied',
      });
    }
    await this.#state.checkPut?.(key, options);
  }

  async steps(plan: Plan): Promise<Pending[]> {
    const results: Pending[] = [];
    for (const step of plan.steps) results.push(await this.#step(step));
    return results;
  }

  report(plan: Plan, results: readonly Pending[], revision: Revision): TxnResult {
    return { succeeded: plan.succeeded, revision, results: results.map((toResult) => toResult(revision)) };
  }

  async #step(step: Step): Promise<Pending> {
    switch (step.type) {
      case 'put':
        return this.#put(step.key, step.value, step.options);
      case 'delete':
        return this.#delete(step.range, step.options);
      case 'get': {
        const item = await this.#entry(step.key);
        return () => ({ type: 'get', item });
      }
      case 'list':
        return this.#list(step, step.range, step.options);
      case 'txn': {
        const results = await this.steps(step.plan);
        return (revision) => ({ type: 'txn', ...this.report(step.plan, results, revision) });
      }
      default:
        return step satisfies never;
    }
  }

  async #put(key: string, given: Uint8Array, options: DriverPutOptions): Promise<Pending> {
    const before = await this.#entry(key);
    const value = options.ignoreValue && before !== undefined ? before.value : given;
    await this.#state.put(key, value, { lease: options.ignoreLease ? before?.lease : options.lease });
    this.writes += 1;
    const previous = options.previous ? before : undefined;
    return (revision) => (previous === undefined ? { type: 'put', revision } : { type: 'put', revision, previous });
  }

  async #delete(range: KeyRange, { previous }: DriverDeleteOptions): Promise<Pending> {
    const deleted = listItems(await this.#state.entries(range), EVERYTHING).items;
    if (deleted.length > 0) {
      await this.#state.delete(range);
      this.writes += 1;
    }
    return (revision) => ({
      type: 'delete',
      revision,
      deleted: deleted.length,
      ...(previous && { previous: deleted }),
    });
  }

  /** A list in mid-transaction saw a part of its revision. A watch from the revision before repeats that part, and loses nothing. */
  async #list(step: Step, range: KeyRange, options: DriverListOptions): Promise<Pending> {
    const past = this.#past.get(step);
    if (past !== undefined) return () => ({ type: 'list', ...past });
    const list = listItems(await this.#state.entries(range), options);
    const saw = this.writes;
    const { before } = this.#state;
    return (revision) => ({
      type: 'list',
      ...list,
      bookmark: { ...before, revision: saw === this.writes ? revision : before.revision },
    });
  }

  async #entry(key: string): Promise<KeyValue | undefined> {
    return (await this.#state.entries(KeyRange.ofKey(key)))[0];
  }
}

const EVERYTHING = {
  limit: undefined,
  keysOnly: false,
  countOnly: false,
  minModRevision: undefined,
  sort: undefined,
} as const;
