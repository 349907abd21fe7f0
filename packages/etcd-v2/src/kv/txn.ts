import { StoreError, toRevision, type KeyValue, type OpResult, type Revision, type TxnResult } from '@holdfast/store';
import {
  compareBytes,
  satisfies,
  type DriverCall,
  type DriverCompare,
  type DriverGuard,
  type DriverOp,
  type DriverTxn,
} from '@holdfast/store/adapter';
import { isFile, toKeyValue } from '../json/codec.js';
import type { Connection } from '../connection/connection.js';
import type { Kv } from './kv.js';
import { bookmarkOf, readNode } from './reads.js';
import { deleteResult, putResult } from './results.js';

/**
 * Runs the transactions that v2 can do atomically (C9). They concern one key, and have either
 *
 * - reads of it, whose compares are decided by the same read; or
 * - one put or delete of it, without a guard or with one that the server checks, and an empty else branch.
 *
 * @throws StoreError `unsupported` for all others, before anything is sent: atomicity is never faked.
 */
export async function runTxn(connection: Connection, kv: Kv, txn: DriverTxn, call: DriverCall): Promise<TxnResult> {
  const key = onlyKey(txn);
  if ([...txn.then, ...txn.else].every(({ type }) => type === 'get')) return runReads(connection, key, txn, call);
  const [op, ...more] = txn.then;
  // Without compares the else branch never runs.
  const unwanted = txn.if.length > 0 && txn.else.length > 0;
  if (op === undefined || more.length > 0 || unwanted || (op.type !== 'put' && op.type !== 'delete')) {
    throw unsupported('use one put or delete, and leave the else branch empty');
  }
  const guard = txn.if.length === 0 ? undefined : nativeGuard(txn.if);
  return op.type === 'put' ? runPut(kv, op, guard, call) : runDelete(kv, key, op, guard, call);
}

async function runPut(
  kv: Kv,
  { key, value, options }: DriverOp & { type: 'put' },
  guard: DriverGuard | undefined,
  call: DriverCall,
): Promise<TxnResult> {
  if (guard === undefined) return done('put', await kv.put(key, value, options, call));
  const result = await kv.putIf(key, value, guard, options, call);
  return result.succeeded ? done('put', putResult(result, options)) : refused(bookmarkOf(result.answer).revision);
}

async function runDelete(
  kv: Kv,
  key: string,
  { range, options }: DriverOp & { type: 'delete' },
  guard: DriverGuard | undefined,
  call: DriverCall,
): Promise<TxnResult> {
  if (guard === undefined) return done('delete', await kv.delete(range, options, call));
  if (guard.kind === 'absent') throw unsupported('leave the delete out where the key must be absent');
  const result = await kv.deleteIf(key, guard, call);
  return result.succeeded ? done('delete', deleteResult(result, options)) : refused(bookmarkOf(result.answer).revision);
}

/** One linearizable read decides and answers. */
async function runReads(
  connection: Connection,
  key: string,
  txn: DriverTxn,
  { signal }: DriverCall,
): Promise<TxnResult> {
  const { node, answer } = await readNode(connection, key, 'linearizable', signal);
  const item = node !== undefined && isFile(node) ? toKeyValue(node) : undefined;
  const succeeded = txn.if.every((compare) => holds(compare, item));
  const results = (succeeded ? txn.then : txn.else).map((): OpResult => ({ type: 'get', item }));
  return { succeeded, revision: bookmarkOf(answer).revision, results };
}

function done(type: 'put' | 'delete', result: { readonly revision: Revision }): TxnResult {
  return { succeeded: true, revision: result.revision, results: [{ type, ...result } as OpResult] };
}

function refused(revision: Revision): TxnResult {
  return { succeeded: false, revision, results: [] };
}

/** The one key of the transaction. */
function onlyKey(txn: DriverTxn): string {
  const keys = new Set([...txn.if.map(({ range }) => range.key), ...[...txn.then, ...txn.else].map(keyOf)]);
  const [key] = keys;
  if (key === undefined || keys.size > 1) throw unsupported('compares and operations must name one and the same key');
  return key;
}

function keyOf(op: DriverOp): string | undefined {
  switch (op.type) {
    case 'put':
    case 'get':
      return op.key;
    case 'delete':
      return op.range.key;
    case 'list':
    case 'txn':
      return undefined;
    default:
      return op satisfies never;
  }
}

/** The server's guard that is equivalent to the compares. */
function nativeGuard(compares: readonly DriverCompare[]): DriverGuard {
  const guards = compares.map(guardOf);
  // Every other guard implies that the key exists.
  const strict = guards.filter(({ kind }) => kind !== 'present');
  const [guard = { kind: 'present' as const }, ...others] = strict;
  if (others.length > 0 || (guard.kind === 'absent' && strict.length < guards.length)) {
    throw unsupported('use one compare, beside those for the presence of the key');
  }
  return guard;
}

function guardOf(compare: DriverCompare): DriverGuard {
  const { op } = compare;
  switch (compare.target) {
    case 'value':
      if (op === '=') return { kind: 'value', value: compare.value };
      break;
    case 'modRevision':
      if (op === '=' && compare.value > 0) return { kind: 'modRevision', modRevision: toRevision(compare.value) };
      if (compare.value === 0) return presence(op);
      break;
    case 'version':
    case 'createRevision':
      if (compare.value === 0) return presence(op);
      break;
    case 'lease':
      break;
    default:
      return compare satisfies never;
  }
  throw unsupported('use one = compare on value or modRevision, or compare a revision with 0');
}

function presence(op: DriverCompare['op']): DriverGuard {
  switch (op) {
    case '=':
      return { kind: 'absent' };
    case '>':
    case '!=':
      return { kind: 'present' };
    case '<':
      throw unsupported('leave out the compare that can never hold');
    default:
      return op satisfies never;
  }
}

/** Whether a compare holds for the result of a read. */
function holds(compare: DriverCompare, item: KeyValue | undefined): boolean {
  switch (compare.target) {
    case 'value':
      if (item === undefined) return false;
      return satisfies(compare.op, compareBytes(item.value, compare.value));
    case 'createRevision':
      return satisfies(compare.op, (item?.createRevision ?? 0) - compare.value);
    case 'modRevision':
      return satisfies(compare.op, (item?.modRevision ?? 0) - compare.value);
    case 'version':
      // The wrapper allows only compares with 0, which test the key's existence.
      return satisfies(compare.op, item === undefined ? 0 : 1);
    case 'lease':
      return satisfies(compare.op, compare.value === '0' ? 0 : -1);
    default:
      return compare satisfies never;
  }
}

function unsupported(advice: string): StoreError {
  return new StoreError(
    'unsupported',
    `etcd v2 supports single-key transactions only: ${advice} (see capabilities.transactions)`,
    { outcome: 'not-applied' },
  );
}
