import { comparePasses } from '@holdfast/adapter-kit';
import type { DriverCompare, DriverOp, DriverTxn } from '@holdfast/store/adapter';
import { keyToByteString, toInterval } from '../data/byte-string.js';
import type { Mvcc } from '../data/mvcc.js';

/** The branches that a transaction takes. All compares, nested ones too, see the state before the transaction (as in etcd). */
export interface Plan {
  readonly succeeded: boolean;
  readonly steps: readonly (Exclude<DriverOp, { type: 'txn' }> | { readonly type: 'txn'; readonly plan: Plan })[];
}

export function plan(mvcc: Mvcc, txn: DriverTxn): Plan {
  const succeeded = txn.if.every((compare) => holds(mvcc, compare));
  const ops = succeeded ? txn.then : txn.else;
  return { succeeded, steps: ops.map((op) => (op.type === 'txn' ? { type: 'txn', plan: plan(mvcc, op.txn) } : op)) };
}

/** Whether every key of the compare's range passes. If there is none, zeros are compared, and values never match. */
function holds(mvcc: Mvcc, compare: DriverCompare): boolean {
  if (compare.range.key !== undefined) return comparePasses(compare, mvcc.get(keyToByteString(compare.range.key)));
  let found = false;
  let all = true;
  mvcc.walk(toInterval(compare.range), {}, (version) => {
    found = true;
    all = comparePasses(compare, version);
    return all;
  });
  return found ? all : comparePasses(compare, undefined);
}

/** Calls `check` with every step of a plan, and with the steps of nested transactions. */
export function eachStep(taken: Plan, check: (step: Exclude<Plan['steps'][number], { type: 'txn' }>) => void): void {
  for (const step of taken.steps) {
    if (step.type === 'txn') eachStep(step.plan, check);
    else check(step);
  }
}
