import type { DeleteResult, PutResult } from '@holdfast/store';
import type { KeyRange, DriverDeleteOptions, DriverPutOptions } from '@holdfast/store/adapter';
import { excerpt } from '@holdfast/etcd-common';
import type { IDeleteRangeResponse, IKeyValue, IPutResponse } from 'etcd3';
import { badAnswer, safeInteger } from '../protobuf/bad-answer.js';
import { fromProtoEntry, protoNumbers } from '../protobuf/entry.js';
import type { ResponseHeader } from '../protobuf/header.js';
import { RangeRules, type EntryParts, type RangeQuestion } from './range-rules.js';

type Head = Pick<ResponseHeader, 'revision'>;

/** The result of a put. @throws StoreError `internal` if the answer does not fit the request. */
export function putResult(
  response: Pick<IPutResponse, 'prev_kv'>,
  { revision }: Head,
  key: string,
  { previous: wanted }: Pick<DriverPutOptions, 'previous'>,
): PutResult {
  // `null` if the key did not exist, although the typings don't allow it.
  const entry = response.prev_kv as IPutResponse['prev_kv'] | null;
  if (entry === null || !wanted) return { revision };
  const previous = fromProtoEntry(entry);
  if (previous?.key !== key || previous.modRevision >= revision) {
    throw badAnswer(`etcd sent another entry as the one that the put of key "${excerpt(key)}" replaced`);
  }
  return { revision, previous };
}

/** The result of a delete. @throws StoreError `internal` if the answer does not fit the request. */
export function deleteResult(
  response: Pick<IDeleteRangeResponse, 'deleted' | 'prev_kvs'>,
  { revision }: Head,
  range: KeyRange,
  { previous: wanted }: DriverDeleteOptions,
): DeleteResult {
  const deleted = safeInteger(response.deleted);
  if (deleted < 0 || (range.key !== undefined && deleted > 1)) {
    throw badAnswer(`etcd says that it deleted ${deleted} keys of ${range.toString()}`);
  }
  if (!wanted) return { revision, deleted };
  checkEntries(response.prev_kvs, range, { revision }, {}, { count: deleted, more: false });
  const previous = response.prev_kvs.map(fromProtoEntry).filter((entry) => entry !== undefined);
  return { revision, deleted, previous };
}

/** Checks entries that `etcd3`'s definitions decoded against the request. @throws StoreError `internal` */
export function checkEntries(
  entries: readonly IKeyValue[],
  range: KeyRange,
  { revision }: Head,
  asked: RangeQuestion,
  told: { readonly count: number; readonly more: boolean },
): void {
  const rules = new RangeRules(range, asked, revision);
  for (const entry of entries) rules.next(partsOf(entry));
  rules.end(told);
}

function partsOf(entry: IKeyValue): EntryParts {
  const { key, value } = entry;
  if (key.length === 0) throw badAnswer('etcd sent an entry without a key');
  const { createRevision, modRevision, version, lease } = protoNumbers(entry);
  return {
    createRevision,
    modRevision,
    version,
    lease,
    keyBuffer: key,
    keyFrom: 0,
    keyTo: key.length,
    valueBuffer: value,
    valueFrom: 0,
    valueTo: value.length,
  };
}
