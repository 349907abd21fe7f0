import {
  isStoreError,
  type Bookmark,
  type Clock,
  type Consistency,
  type DeleteResult,
  type KeyValue,
  type ListResult,
  type PutResult,
  type Revision,
  type StoreError,
} from '@holdfast/store';
import {
  KeyRange,
  type DriverCall,
  type DriverDeleteOptions,
  type DriverGetOptions,
  type DriverListOptions,
  type DriverPutOptions,
  Slicer,
  systemClock,
} from '@holdfast/store/adapter';
import type { IDeleteRangeRequest, IPutRequest, IRangeRequest } from 'etcd3';
import { EntryReader, toKeyValue } from '../protobuf/entry.js';
import { checkHeader, fromProtoHeader, type ResponseHeader } from '../protobuf/header.js';
import { asBuffer, outlineRange, rangeBounds } from '../protobuf/range.js';
import { toCompactedError } from './compaction.js';
import type { Connection } from '../connection/connection.js';
import { deleteResult, putResult } from './answers.js';
import { findKeys, type RangeAnswer } from './page-keys.js';
import type { RangeCall } from '../connection/range-call.js';
import { COMPACT, DELETE_RANGE, PUT, RANGE } from '../connection/rpc.js';

/** The number of entries that are decoded between two checks of the time. */
const STEP = 256;

export type ReadOptions = Pick<DriverListOptions, 'revision' | 'consistency'> & Partial<DriverListOptions>;

/** Reads and writes of keys and ranges, in etcd's terms. */
export class Kv {
  readonly #connection: Connection;
  readonly clock: Clock;

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.clock = clock;
  }

  async get(key: string, options: DriverGetOptions, call: DriverCall): Promise<KeyValue | undefined> {
    return this.read(KeyRange.ofKey(key), options, call, ({ buffer, bounds }) => {
      const [start, end] = bounds;
      if (start === undefined || end === undefined) return undefined;
      const entry = new EntryReader(buffer);
      entry.read(start, end);
      return kept(entry, key);
    });
  }

  async list(range: KeyRange, options: DriverListOptions, call: DriverCall): Promise<ListResult> {
    return this.read(range, options, call, async ({ buffer, count, more, header, keys }) => {
      const { bounds, undecodable, ascii } = keys;
      const slicer = new Slicer(systemClock, STEP);
      const entry = new EntryReader(buffer);
      const items: KeyValue[] = [];
      for (let i = 0; i < bounds.length; i += 2) {
        if (slicer.isDue()) await slicer.pause();
        entry.read(bounds[i] ?? 0, bounds[i + 1] ?? 0);
        items.push(kept(entry, entry.keyText(ascii)));
      }
      return { items, bookmark: bookmarkOf(header, options.revision), count, more, undecodable };
    });
  }

  /**
   * Reads one range. Returns what `use` makes of the answer, which is checked against the request first.
   *
   * @throws StoreError, `compacted` with its revision.
   */
  async read<T>(
    range: KeyRange,
    options: ReadOptions,
    { signal }: DriverCall,
    use: (answer: RangeAnswer) => T | Promise<T>,
  ): Promise<T> {
    const accept = async (bytes: Buffer): Promise<T> => {
      const outline = outlineRange(bytes, options.limit);
      checkHeader(outline.header);
      return use({ ...outline, keys: await findKeys(outline, range, options) });
    };
    try {
      const call = { kind: 'read', signal, revision: options.revision } as const;
      return (await this.#connection.unary(RANGE, rangeRequest(range, options), call, accept)).response;
    } catch (error) {
      throw await this.#explain(error, range, options.revision, 1, signal);
    }
  }

  /**
   * The same range in chunks; `undefined` if only pages will do. Neither a filter nor a limit is possible.
   *
   * @param identity the cluster that the chunks must be of
   */
  chunks(
    range: KeyRange,
    options: Pick<ReadOptions, 'revision' | 'consistency' | 'keysOnly'>,
    identity: string,
    signal: AbortSignal,
  ): RangeCall | undefined {
    return this.#connection.rangeCall(rangeRequest(range, options), identity, signal);
  }

  async put(key: string, value: Uint8Array, options: DriverPutOptions, { signal }: DriverCall): Promise<PutResult> {
    const request = putRequest(key, value, options);
    const { response } = await this.#connection.unary(PUT, request, { kind: 'write', signal }, (answer) =>
      putResult(answer, fromProtoHeader(answer.header), key, options),
    );
    return response;
  }

  async delete(range: KeyRange, options: DriverDeleteOptions, { signal }: DriverCall): Promise<DeleteResult> {
    const request = deleteRequest(range, options);
    const { response } = await this.#connection.unary(DELETE_RANGE, request, { kind: 'write', signal }, (answer) =>
      deleteResult(answer, fromProtoHeader(answer.header), range, options),
    );
    return response;
  }

  async compact(revision: Revision, physical: boolean, { signal }: DriverCall): Promise<void> {
    try {
      await this.#connection.unary(COMPACT, { revision, physical }, { kind: 'write', signal }, ({ header }) =>
        fromProtoHeader(header),
      );
    } catch (error) {
      // etcd also refuses the revision that is already the oldest. A watch is refused only from the revision before that.
      throw await this.#explain(error, EVERYTHING, revision, 0, signal);
    }
  }

  async #explain(
    error: unknown,
    range: KeyRange,
    revision: Revision | undefined,
    past: number,
    signal: AbortSignal | undefined,
  ): Promise<StoreError> {
    if (!isStoreError(error)) throw error;
    if (error.code !== 'compacted' || revision === undefined) return error;
    const refused = past === 0 ? (Math.max(1, revision - 1) as Revision) : revision;
    return toCompactedError(this.#connection, this.clock, error, {
      range,
      revision: refused,
      atLeast: revision + past,
      signal,
    });
  }
}

/** The entry as callers keep it: with a copy of the value, which does not keep its answer in memory. */
function kept(entry: EntryReader, key: string): KeyValue {
  return toKeyValue(key, entry.value.slice(), entry);
}

const EVERYTHING = KeyRange.ofPrefix('');

/** The revision that was read, in the history of the cluster that answered. */
export function bookmarkOf(
  header: Pick<ResponseHeader, 'clusterId' | 'revision'>,
  asked: Revision | undefined,
): Bookmark {
  return { revision: asked ?? header.revision, identity: header.clusterId };
}

const SORT_TARGET = {
  key: 'Key',
  version: 'Version',
  createRevision: 'Create',
  modRevision: 'Mod',
  value: 'Value',
} as const;
const SORT_ORDER = { ascend: 'Ascend', descend: 'Descend' } as const;

export function rangeRequest(range: KeyRange, options: ReadOptions): IRangeRequest {
  const { revision, limit, minModRevision, sort, keysOnly, countOnly } = options;
  const { key, range_end } = rangeBounds(range);
  // Field by field: to spread objects of several shapes takes longer than to encode the request.
  const request: IRangeRequest = {
    key,
    serializable: isSerializable(options.consistency),
    keys_only: keysOnly === true,
    count_only: countOnly === true,
  };
  if (range_end !== undefined) request.range_end = range_end;
  if (revision !== undefined) request.revision = revision;
  if (limit !== undefined) request.limit = limit;
  if (minModRevision !== undefined) request.min_mod_revision = minModRevision;
  // etcd answers in ascending order of keys by default. If that order is asked for explicitly, etcd ignores the limit while it reads.
  if (sort !== undefined && !(sort.target === 'key' && sort.order === 'ascend')) {
    request.sort_target = SORT_TARGET[sort.target];
    request.sort_order = SORT_ORDER[sort.order];
  }
  return request;
}

function isSerializable(consistency: Consistency): boolean {
  return consistency === 'serializable';
}

export function putRequest(key: string, value: Uint8Array, options: DriverPutOptions): IPutRequest {
  return {
    key: Buffer.from(key),
    value: asBuffer(value),
    prev_kv: options.previous,
    ignore_value: options.ignoreValue,
    ignore_lease: options.ignoreLease,
    ...(options.lease === undefined ? {} : { lease: options.lease }),
  };
}

export function deleteRequest(range: KeyRange, options: DriverDeleteOptions): IDeleteRangeRequest {
  return { ...rangeBounds(range), prev_kv: options.previous };
}
