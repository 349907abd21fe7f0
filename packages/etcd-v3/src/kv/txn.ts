import {
  isStoreError,
  type Bookmark,
  type Clock,
  type KeyValue,
  type ListResult,
  type OpResult,
  type Revision,
  type TxnResult,
  type UndecodableKey,
} from '@holdfast/store';
import {
  KeyRange,
  writesAnything,
  type DriverCall,
  type DriverCompare,
  type DriverOp,
  type DriverTxn,
} from '@holdfast/store/adapter';
import type { ICompare, IRangeResponse, IRequestOp, IResponseOp, ITxnRequest, ITxnResponse } from 'etcd3';
import { badAnswer, safeInteger, serverRevision } from '../protobuf/bad-answer.js';
import { fromProtoEntry } from '../protobuf/entry.js';
import { fromProtoHeader, type ResponseHeader } from '../protobuf/header.js';
import { asBuffer, rangeBounds } from '../protobuf/range.js';
import type { Connection } from '../connection/connection.js';
import { checkEntries, deleteResult, putResult } from './answers.js';
import { toCompactedError } from './compaction.js';
import { bookmarkOf, deleteRequest, putRequest, rangeRequest } from './kv.js';
import { READ_TXN, TXN } from '../connection/rpc.js';

/** @throws StoreError, `compacted` with its revision. */
export async function runTxn(
  connection: Connection,
  clock: Clock,
  txn: DriverTxn,
  { signal }: DriverCall,
): Promise<TxnResult> {
  const kind = writesAnything(txn) ? 'write' : 'read';
  const past = pastReads(txn).sort((a, b) => a.revision - b.revision);
  try {
    const call = { kind, signal, revision: past.at(-1)?.revision } as const;
    const { response } = await connection.unary(kind === 'read' ? READ_TXN : TXN, txnRequest(txn), call, (answer) =>
      txnResult(txn, answer, fromProtoHeader(answer.header)),
    );
    return response;
  } catch (error) {
    // etcd does not say which read it refused. Where any of them is compacted, the oldest one is.
    const [oldest] = past;
    if (!isStoreError(error, 'compacted') || oldest === undefined) throw error;
    throw await toCompactedError(connection, clock, error, { ...oldest, atLeast: oldest.revision + 1, signal });
  }
}

/** The reads at a past revision, of both branches. */
function pastReads(txn: DriverTxn): { readonly range: KeyRange; readonly revision: Revision }[] {
  return [...txn.then, ...txn.else].flatMap((op) => {
    if (op.type === 'txn') return pastReads(op.txn);
    if (op.type !== 'list' || op.options.revision === undefined) return [];
    return [{ range: op.range, revision: op.options.revision }];
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
  // Not spread into others: objects of two shapes take longer to copy than to encode.
  const on: ICompare = rangeBounds(compare.range);
  on.result = RESULT[compare.op];
  switch (compare.target) {
    case 'value':
      on.target = 'Value';
      on.value = asBuffer(compare.value);
      break;
    case 'version':
      on.target = 'Version';
      on.version = compare.value;
      break;
    case 'createRevision':
      on.target = 'Create';
      on.create_revision = compare.value;
      break;
    case 'modRevision':
      on.target = 'Mod';
      on.mod_revision = compare.value;
      break;
    case 'lease':
      on.target = 'Lease';
      on.lease = compare.value;
      break;
  }
  return on;
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

/** @param writesFollow whether later operations of the enclosing transaction change something. */
function txnResult(txn: DriverTxn, response: ITxnResponse, header: ResponseHeader, writesFollow = false): TxnResult {
  const { succeeded, responses } = response;
  const ops = succeeded ? txn.then : txn.else;
  // A transaction without compares always succeeds.
  if (ops.length !== responses.length || (!succeeded && txn.if.length === 0)) malformed();
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
 * All operations happen at the transaction's one revision, although the parts have headers of their own. A list that is followed by writes
 * saw only a part of the transaction. Its bookmark is the revision before, so that a watch after it delivers the rest, and repeats the
 * part, instead of losing it.
 */
function opResult(
  op: DriverOp,
  given: IResponseOp | undefined,
  header: ResponseHeader,
  writesFollow: boolean,
): OpResult {
  // Only one of the four is set; the typings don't say so.
  const answer: Partial<IResponseOp> = given ?? {};
  switch (op.type) {
    case 'put':
      return { type: 'put', ...putResult(answer.response_put ?? malformed(), header, op.key, op.options) };
    case 'delete':
      return {
        type: 'delete',
        ...deleteResult(answer.response_delete_range ?? malformed(), header, op.range, op.options),
      };
    case 'get': {
      const { kvs, count, more } = answer.response_range ?? malformed();
      checkEntries(kvs, KeyRange.ofKey(op.key), header, {}, { count: safeInteger(count), more });
      const [item] = kvs;
      return { type: 'get', item: item === undefined ? undefined : fromProtoEntry(item) };
    }
    case 'list': {
      const { range, options } = op;
      const at = writesFollow ? { ...header, revision: serverRevision(header.revision - 1, 'a revision') } : header;
      const response = answer.response_range ?? malformed();
      checkEntries(response.kvs, range, header, options, { count: safeInteger(response.count), more: response.more });
      return { type: 'list', ...listResult(response, bookmarkOf(at, options.revision)) };
    }
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
      const revision = safeInteger(entry.mod_revision) as Revision;
      undecodable.push({ rawKey: new Uint8Array(entry.key), revision, deleted: false });
    }
  }
  return { items, bookmark, count: safeInteger(response.count), more: response.more, undecodable };
}

function malformed(): never {
  throw badAnswer('etcd answered a transaction with results of another shape');
}
