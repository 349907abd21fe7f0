import { quoted } from './excerpt.js';
import { invalid } from './check-options.js';
import type { DriverOp, DriverTxn } from './driver.js';
import type { KeyRange } from './range.js';

/** The keys that one branch may write. */
interface Writes {
  readonly puts: ReadonlySet<string>;
  readonly deletes: readonly KeyRange[];
}

/**
 * Refuses a transaction that writes a key twice: two puts of a key, or a put of a key that the same transaction deletes. All
 * of a transaction happens at one revision. Only one branch of a nested transaction runs, so its branches may write the same
 * keys. The checks come in etcd's order (`checkIntervals` of its KV service): every backend takes exactly the transactions
 * that etcd takes.
 *
 * @throws StoreError `invalid-argument`, with the key.
 */
export function checkTxnConflicts(txn: DriverTxn): void {
  writesOf(txn.then);
  writesOf(txn.else);
}

function writesOf(ops: readonly DriverOp[]): Writes {
  const puts = new Set<string>();
  const deletes = ops.flatMap((op) => (op.type === 'delete' ? [op.range] : []));
  const add = (key: string) => {
    if (deletes.some((range) => range.contains(key))) throw twice(key, 'both puts and deletes');
    puts.add(key);
  };

  for (const op of ops) {
    if (op.type !== 'txn') continue;
    const branches = [writesOf(op.txn.then), writesOf(op.txn.else)];
    const nested = new Set(branches.flatMap((branch) => [...branch.puts]));
    for (const key of nested) {
      if (puts.has(key)) throw twice(key, 'puts');
      add(key);
    }
    deletes.push(...branches.flatMap((branch) => branch.deletes));
  }
  for (const op of ops) {
    if (op.type !== 'put') continue;
    if (puts.has(op.key)) throw twice(op.key, 'puts');
    add(op.key);
  }
  return { puts, deletes };
}

function twice(key: string, does: string) {
  return invalid(`the transaction ${does} key ${quoted(key)}; a key is written once in a transaction: split it`);
}
