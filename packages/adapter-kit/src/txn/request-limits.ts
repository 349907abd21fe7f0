import { StoreError } from '@holdfast/store';
import { writesAnything, type DriverOp, type DriverTxn, type KeyRange } from '@holdfast/store/adapter';

/** The most that a request may hold, for a store that has etcd's limits. */
export interface RequestLimits {
  /** The most operations, or compares, of a transaction. A nested one gets what its parent leaves. */
  readonly maxTxnOperations: number;
  /** The most bytes of keys and values in one request. */
  readonly maxRequestBytes: number;
}

/** How much longer a request may be that etcd only reads for: gRPC's limit there leaves so much for what is around keys and values. */
const READ_SURPLUS_BYTES = 512 * 1024;

/**
 * Refuses transactions that etcd refuses for their size, by the same rules.
 *
 * @throws StoreError `too-large`
 */
export function checkTxnSize(txn: DriverTxn, limits: RequestLimits): void {
  const { maxTxnOperations, maxRequestBytes } = limits;
  checkOperations(txn, maxTxnOperations);
  checkBytes(txnBytes(txn), {
    maxRequestBytes: writesAnything(txn) ? maxRequestBytes : maxRequestBytes + READ_SURPLUS_BYTES,
  });
}

/**
 * Refuses puts that etcd refuses for their size.
 *
 * @throws StoreError `too-large`
 */
export function checkPutSize(key: string, value: Uint8Array, limits: RequestLimits): void {
  checkBytes(Buffer.byteLength(key) + value.length, limits);
}

function checkBytes(bytes: number, { maxRequestBytes }: Pick<RequestLimits, 'maxRequestBytes'>): void {
  if (bytes > maxRequestBytes) throw requestTooLarge(bytes, maxRequestBytes);
}

/** The longest of a level's three lists counts. */
function checkOperations(txn: DriverTxn, allowed: number): void {
  const count = Math.max(txn.if.length, txn.then.length, txn.else.length);
  if (count > allowed) throw tooManyOperations(count, allowed);
  for (const op of [...txn.then, ...txn.else]) {
    if (op.type === 'txn') checkOperations(op.txn, allowed - count);
  }
}

function txnBytes(txn: DriverTxn): number {
  let bytes = 0;
  for (const compare of txn.if) {
    bytes += rangeBytes(compare.range) + (compare.target === 'value' ? compare.value.length : 0);
  }
  for (const op of [...txn.then, ...txn.else]) bytes += opBytes(op);
  return bytes;
}

function opBytes(op: DriverOp): number {
  switch (op.type) {
    case 'put':
      return Buffer.byteLength(op.key) + op.value.length;
    case 'get':
      return Buffer.byteLength(op.key);
    case 'delete':
    case 'list':
      return rangeBytes(op.range);
    case 'txn':
      return txnBytes(op.txn);
    default:
      return op satisfies never;
  }
}

function rangeBytes(range: KeyRange): number {
  return range.start.length + (range.end?.length ?? 0);
}

function tooManyOperations(count: number, allowed: number): StoreError {
  return new StoreError(
    'too-large',
    `the transaction has ${count} operations or compares on one level where ${allowed} are left; split it, or set maxTxnOperations`,
    { outcome: 'not-applied' },
  );
}

function requestTooLarge(bytes: number, allowed: number): StoreError {
  return new StoreError(
    'too-large',
    `the request holds ${bytes} bytes of keys and values, more than the ${allowed} allowed; split it, or set maxRequestBytes`,
    { outcome: 'not-applied' },
  );
}
