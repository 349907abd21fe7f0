import type {
  Bookmark,
  Consistency,
  KeyValue,
  ListResult,
  Page,
  Revision,
  SortOrder,
  UndecodableKey,
} from '@holdfast/store';
import type {
  DriverCall,
  DriverGetOptions,
  DriverListOptions,
  DriverScanOptions,
  KeyRange,
} from '@holdfast/store/adapter';
import { StoreError } from '@holdfast/store';
import { beforeSent, compareBytes, compareKeys, nextTurn } from '@holdfast/store/adapter';
import { parseRead, type ReadAnswer } from '../json/answer.js';
import { isFile, isReadable, rawKeyBytes, sortByKey, toKeyValue } from '../json/codec.js';
import type { V2File, V2Node } from '../json/codec.js';
import type { Answer, AnswerHead } from '../connection/call.js';
import type { Connection } from '../connection/connection.js';
import { isHidden, keyOf, keyPath, locate } from '../json/key-path.js';
import { FilePage } from './page.js';

/** A range of the store at one index, unsorted. */
export interface Snapshot {
  readonly bookmark: Bookmark;
  readonly files: V2File[];
  readonly undecodable: UndecodableKey[];
}

/** The number of entries in a page of a scan: few enough for one turn of the event loop. */
const PAGE = 2_000;

/** The codes of a missing key: no such key, and a key below an entry. */
const NOT_THERE = [100, 104];

export async function get(
  connection: Connection,
  key: string,
  { consistency }: Pick<DriverGetOptions, 'consistency'>,
  { signal }: DriverCall,
): Promise<KeyValue | undefined> {
  const { node } = await readNode(connection, key, consistency, signal);
  return node !== undefined && isFile(node) ? toKeyValue(node) : undefined;
}

/** A node, directory or entry, with its direct children. */
export async function readNode(
  connection: Connection,
  key: string,
  consistency: Consistency,
  signal: AbortSignal | undefined,
): Promise<{ readonly node: V2Node | undefined; readonly answer: AnswerHead }> {
  const answer = await read(connection, { path: keyPath(key), consistency }, signal);
  return { node: answer.result?.node, answer };
}

/** The read before a write: if it fails, nothing was written. */
export function readForWrite(connection: Connection, key: string, { signal }: DriverCall): ReturnType<typeof readNode> {
  return beforeSent('write', readNode(connection, key, 'linearizable', signal));
}

/** One GET of the keys API. A missing node has no result. */
export function read(
  connection: Connection,
  { path, consistency }: { readonly path: string; readonly consistency: Consistency },
  signal: AbortSignal | undefined,
): Promise<Answer<ReadAnswer>> {
  return connection.call({
    method: 'GET',
    path,
    quorum: consistency === 'linearizable',
    kind: 'read',
    signal,
    expect: NOT_THERE,
    parse: ({ body }, { index = 0 }) => parseRead(body, keyOf(path), index),
  });
}

export async function list(
  connection: Connection,
  range: KeyRange,
  options: DriverListOptions,
  { signal }: DriverCall,
): Promise<ListResult> {
  const { bookmark, files, undecodable } = await readRange(connection, range, options.consistency, signal);
  const count = files.length + undecodable.length;
  if (options.countOnly) return { items: [], bookmark, count, more: false, undecodable: [] };
  const sorted = sortFiles(files, options.sort);
  const { limit = Infinity } = options;
  // Unreadable keys have no certain place in the order: they come last.
  const taken = sorted.slice(0, limit);
  return {
    items: taken.map((file) => toKeyValue(file, options.keysOnly)),
    bookmark,
    count,
    more: count > limit,
    undecodable: undecodable.slice(0, Math.max(0, limit - taken.length)),
  };
}

/** One read, in pages: a v2 server has no snapshot that several reads could share. */
export async function* scan(
  connection: Connection,
  range: KeyRange,
  { consistency, keysOnly }: DriverScanOptions,
  { signal }: DriverCall,
): AsyncGenerator<Page, void, undefined> {
  const { bookmark, files, undecodable } = await readRange(connection, range, consistency, signal);
  const total = files.length + undecodable.length;
  sortByKey(files);
  for (let start = 0; start === 0 || start < files.length; start += PAGE) {
    const more = start + PAGE < files.length;
    const unreadable = start === 0 ? undecodable : [];
    yield new FilePage(files.slice(start, start + PAGE), { bookmark, total, more, undecodable: unreadable, keysOnly });
    if (more) await nextTurn();
  }
}

/** Everything in the range that is not hidden, at one index. */
export async function readRange(
  connection: Connection,
  range: KeyRange,
  consistency: Consistency,
  signal: AbortSignal | undefined,
): Promise<Snapshot> {
  const { path: directory, recursive } = locate(range);
  // The server sorts each directory by itself, which is nearly our order, so sorting here is cheap.
  const path = recursive ? `${directory}?recursive=true&sorted=true` : directory;
  const answer = await read(connection, { path, consistency }, signal);
  const all = answer.result?.files ?? [];
  const files: V2File[] = [];
  const undecodable: UndecodableKey[] = [];
  for (const file of all) {
    if (isHidden(file.key)) continue;
    if (isReadable(file.key)) {
      if (range.contains(file.key)) files.push(file);
    } else {
      const rawKey = rawKeyBytes(file.key);
      if (range.contains(rawKey)) {
        undecodable.push({ rawKey, revision: file.modifiedIndex as Revision, deleted: false });
      }
    }
  }
  undecodable.sort((a, b) => compareBytes(a.rawKey, b.rawKey));
  return { bookmark: bookmarkOf(answer), files, undecodable };
}

/** @throws StoreError `internal` if the answer has none: then it does not come from the keys API. */
export function bookmarkOf({ index, identity, endpoint }: AnswerHead): Bookmark {
  if (index === undefined || identity === '') {
    throw new StoreError('internal', `${endpoint.name} answered without X-Etcd-Index and X-Etcd-Cluster-Id headers`, {
      endpoint: endpoint.name,
    });
  }
  return { revision: index, identity };
}

function sortFiles(files: V2File[], sort: SortOrder | undefined): V2File[] {
  if (sort === undefined) return sortByKey(files);
  const compare = COMPARE[sort.target];
  // Entries with equal targets are ordered by key, so that the order is always the same.
  files.sort((a, b) => compare(a, b) || compareKeys(a.key, b.key));
  return sort.order === 'descend' ? files.reverse() : files;
}

const COMPARE: Readonly<Record<SortOrder['target'], (a: V2File, b: V2File) => number>> = {
  key: (a, b) => compareKeys(a.key, b.key),
  createRevision: (a, b) => (a.createdIndex ?? 0) - (b.createdIndex ?? 0),
  modRevision: (a, b) => (a.modifiedIndex ?? 0) - (b.modifiedIndex ?? 0),
  value: (a, b) => compareKeys(a.value, b.value),
  // The wrapper refuses this target: v2 has no versions.
  version: () => 0,
};
