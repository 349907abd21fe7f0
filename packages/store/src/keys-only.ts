import type { DriverOp, DriverTxn } from './driver.js';
import type { KeyValue } from './key-value.js';
import type { ListResult } from './options.js';
import type { OpResult, TxnResult } from './txn.js';

const NO_VALUE = new Uint8Array(0);

/**
 * A keys-only list without what some backends tell all the same: leases (etcd up to 3.6 tells them, 3.7 does not know them there) and
 * values. So it says the same on every backend (C4).
 */
export function withoutContent<L extends ListResult>(list: L): L {
  return list.items.some(tellsContent) ? { ...list, items: list.items.map(bare) } : list;
}

/** The same for the keys-only lists of a transaction (C9). */
export function withoutContentOfLists(txn: DriverTxn, result: TxnResult): TxnResult {
  const ops = result.succeeded ? txn.then : txn.else;
  return ops.some(readsKeysOnly)
    ? { ...result, results: result.results.map((each, index) => bareResult(ops[index], each)) }
    : result;
}

function bareResult(op: DriverOp | undefined, result: OpResult): OpResult {
  if (op?.type === 'list' && result.type === 'list') return op.options.keysOnly ? withoutContent(result) : result;
  if (op?.type === 'txn' && result.type === 'txn') return { ...result, ...withoutContentOfLists(op.txn, result) };
  return result;
}

function readsKeysOnly(op: DriverOp): boolean {
  if (op.type === 'list') return op.options.keysOnly;
  return op.type === 'txn' && [...op.txn.then, ...op.txn.else].some(readsKeysOnly);
}

function tellsContent({ value, lease }: KeyValue): boolean {
  return lease !== undefined || value.length > 0;
}

function bare({ lease: _, ...entry }: KeyValue): KeyValue {
  return { ...entry, value: NO_VALUE };
}
