import {
  KeyRange,
  StoreError,
  toRevision,
  type Bookmark,
  type DriverCall,
  type DriverCompare,
  type DriverOp,
  type DriverTxn,
  type KeyValue,
  type ListResult,
  type OpResult,
  type TxnResult,
  type UndecodableKey,
} from '@holdfast/store';
import type { ICompare, IRangeResponse, IRequestOp, IResponseOp, ITxnRequest, ITxnResponse } from 'etcd3';
import {
  asBuffer,
  fromProtoEntry,
  fromProtoHeader,
  rangeBounds,
  safeInteger,
  type ResponseHeader,
} from '../protobuf/range.js';
import type { Connection } from '../connection/connection.js';
import { bookmarkOf, deleteRequest, deleteResult, putRequest, putResult, rangeRequest } from './kv.js';
import { TXN } from '../connection/rpc.js';

export async function runTxn(connection: Connection, txn: DriverTxn, { signal }: DriverCall): Promise<TxnResult> {
  const kind = writes(txn) ? 'write' : 'read';
  const { response } = await connection.unary(TXN, txnRequest(txn), { kind, signal });
  const header = fromProtoHeader(response.header);
  return txnResult(txn, response, header);
}

/** Whether any branch could change the store. */
function writes(txn: DriverTxn): boolean {
  return [...txn.then, ...txn.else].some((op) => {
    switch (op.type) {
      case 'put':
      case 'delete':
        return true;
      case 'get':
      case 'list':
        return false;
      case 'txn':
        return writes(op.txn);
    }
  });
}

function txnRequest(txn: DriverTxn): ITxnRequest {
  return {
    compare: txn.if.map(compareRequest),
    success: txn.then.map(opRequest),
    failure: txn.else.map(opRequest),
  };
}

const RESULT = { '=': 'Equal', '!=': 'NotEqual', '<': 'Less', '>': 'Greater' } as const;

function compareRequest(compare: DriverCompare): ICompare {
  const on = { ...rangeBounds(compare.range), result: RESULT[compare.op] };
  switch (compare.target) {
    case 'value':
      return { ...on, target: 'Value', value: asBuffer(compare.value) };
    case 'version':
      return { ...on, target: 'Version', version: compare.value };
    case 'createRevision':
      return { ...on, target: 'Create', create_revision: compare.value };
    case 'modRevision':
      return { ...on, target: 'Mod', mod_revision: compare.value };
    case 'lease':
      return { ...on, target: 'Lease', lease: compare.value };
  }
}

function opRequest(op: DriverOp): IRequestOp {
  switch (op.type) {
    case 'put':
      return { request_put: putRequest(op.key, op.value, op.options) };
    case 'delete':
      return { request_delete_range: deleteRequest(op.range, op.options) };
    case 'get':
      return { request_range: rangeBounds(KeyRange.ofKey(op.key)) };
    case 'list':
      return { request_range: rangeRequest(op.range, op.options) };
    case 'txn':
      return { request_txn: txnRequest(op.txn) };
  }
}

/** @param writesFollow whether operations that come after this transaction, in the one that it is part of, change something. */
function txnResult(txn: DriverTxn, response: ITxnResponse, header: ResponseHeader, writesFollow = false): TxnResult {
  const { succeeded, responses } = response;
  const ops = succeeded ? txn.then : txn.else;
  if (ops.length !== responses.length) malformed();
  const lastWrite = responses.findLastIndex(wrote);
  return {
    succeeded,
    revision: header.revision,
    results: ops.map((op, index) => opResult(op, responses[index], header, writesFollow || index < lastWrite)),
  };
}

/** Whether this operation changed something: a delete of nothing does not. */
function wrote({ response_put, response_delete_range, response_txn }: Partial<IResponseOp>): boolean {
  if (response_delete_range) return safeInteger(response_delete_range.deleted) > 0;
  return Boolean(response_put) || (response_txn?.responses.some(wrote) ?? false);
}

/**
 * All operations happen at the transaction's one revision, whatever the parts' own headers say. A list that is followed by
 * writes saw a part of it only: its bookmark is the revision before, so that a watch after it tells the rest (and repeats
 * the part) rather than losing it.
 */
function opResult(
  op: DriverOp,
  given: IResponseOp | undefined,
  header: ResponseHeader,
  writesFollow: boolean,
): OpResult {
  // Of the four only one is set; the typings don't know that.
  const answer: Partial<IResponseOp> = given ?? {};
  switch (op.type) {
    case 'put':
      return { type: 'put', ...putResult(answer.response_put ?? malformed(), header.revision) };
    case 'delete':
      return {
        type: 'delete',
        ...deleteResult(answer.response_delete_range ?? malformed(), header.revision, op.options),
      };
    case 'get': {
      const [item] = (answer.response_range ?? malformed()).kvs;
      return { type: 'get', item: item === undefined ? undefined : fromProtoEntry(item) };
    }
    case 'list':
      return {
        type: 'list',
        ...listResult(
          answer.response_range ?? malformed(),
          bookmarkOf(
            writesFollow ? { ...header, revision: toRevision(header.revision - 1) } : header,
            op.options.revision,
          ),
        ),
      };
    case 'txn':
      return { type: 'txn', ...txnResult(op.txn, answer.response_txn ?? malformed(), header, writesFollow) };
  }
}

function listResult(response: IRangeResponse, bookmark: Bookmark): ListResult {
  const items: KeyValue[] = [];
  const undecodable: UndecodableKey[] = [];
  for (const entry of response.kvs) {
    const item = fromProtoEntry(entry);
    if (item !== undefined) items.push(item);
    else {
      const revision = toRevision(safeInteger(entry.mod_revision));
      undecodable.push({ rawKey: new Uint8Array(entry.key), revision, deleted: false });
    }
  }
  return { items, bookmark, count: safeInteger(response.count), more: response.more, undecodable };
}

function malformed(): never {
  throw new StoreError('internal', 'etcd answered a transaction with results of another shape');
}
