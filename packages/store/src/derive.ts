import { compareBytes, encodeUtf8 } from './bytes.js';
import type {
  AnyDriver,
  DriverCall,
  DriverCompare,
  DriverDeleteOptions,
  DriverGuard,
  DriverOp,
  DriverPutOptions,
  DriverScanOptions,
} from './driver.js';
import { refusedLocally, StoreError } from './errors.js';
import type { KeyValue } from './key-value.js';
import type { DeleteResult, GuardedDeleteResult, GuardedPutResult, ListResult, Page, PutResult } from './options.js';
import { ListPage } from './page.js';
import { KeyRange, keySuccessor } from './range.js';

/** The number of entries that a derived scan asks for at a time. */
const SCAN_PAGE = 1_000;

/** `scan` made of `list`: all pages at the revision of the first. One page if the store can't read past revisions. */
export async function* scanByList(
  driver: AnyDriver,
  range: KeyRange,
  options: DriverScanOptions,
  call: DriverCall,
): AsyncGenerator<Page, void, undefined> {
  // A filtered read comes in one page: etcd ignores the limit there.
  const paged = driver.capabilities.historicalReads && options.minModRevision === undefined;
  const base = { ...options, countOnly: false, sort: undefined, limit: paged ? SCAN_PAGE : undefined };
  let rest = range;
  let list = await driver.list(rest, base, call);
  let total = list.count;
  for (;;) {
    const last = lastKey(list);
    const more = paged && list.more && last !== undefined;
    yield new ListPage({ ...list, count: total }, more);
    if (!more) return;
    rest = restAfter(last, rest, driver);
    list = await driver.list(rest, { ...base, revision: list.bookmark.revision }, call);
    total = Math.max(total, list.count);
  }
}

/** @throws StoreError `internal` if no key can follow `last`, or `last` is outside the range. */
function restAfter(last: Uint8Array, asked: KeyRange, { name }: AnyDriver): KeyRange {
  const start = keySuccessor(last);
  if (asked.contains(last) && (asked.end === undefined || compareBytes(start, asked.end) < 0)) {
    return KeyRange.ofInterval(start, asked.end);
  }
  throw new StoreError('internal', `the ${name} store says that more follows the last key of ${asked.toString()}`, {
    retryable: true,
  });
}

function lastKey(list: ListResult): Uint8Array | undefined {
  const item = list.items.at(-1);
  const raw = list.undecodable.at(-1)?.rawKey;
  const key = item === undefined ? undefined : encodeUtf8(item.key);
  if (key === undefined || raw === undefined) return key ?? raw;
  return compareBytes(key, raw) > 0 ? key : raw;
}

/** `get` made of `list`. */
export async function getByList(
  driver: AnyDriver,
  key: string,
  options: Pick<DriverScanOptions, 'revision' | 'consistency'>,
  call: DriverCall,
): Promise<KeyValue | undefined> {
  const all = { ...options, limit: 1, keysOnly: false, countOnly: false, minModRevision: undefined, sort: undefined };
  return (await driver.list(KeyRange.ofKey(key), all, call)).items[0];
}

/** A guarded put as a transaction, which also reads the current entry at the same revision. */
export async function guardedPutByTxn(
  driver: AnyDriver,
  key: string,
  value: Uint8Array,
  guard: DriverGuard,
  options: DriverPutOptions,
  call: DriverCall,
): Promise<GuardedPutResult> {
  return guardByTxn<PutResult>(driver, key, guard, { type: 'put', key, value, options }, call);
}

/** A guarded delete of one key as a transaction. */
export async function guardedDeleteByTxn(
  driver: AnyDriver,
  key: string,
  guard: DriverGuard,
  options: DriverDeleteOptions,
  call: DriverCall,
): Promise<GuardedDeleteResult> {
  return guardByTxn<DeleteResult>(driver, key, guard, { type: 'delete', range: KeyRange.ofKey(key), options }, call);
}

async function guardByTxn<R extends PutResult | DeleteResult>(
  driver: AnyDriver,
  key: string,
  guard: DriverGuard,
  op: DriverOp,
  call: DriverCall,
): Promise<({ succeeded: true } & R) | { succeeded: false; current?: KeyValue }> {
  if (driver.txn === undefined) {
    const message = `the ${driver.name} store has no guarded writes`;
    throw refusedLocally(new StoreError('unsupported', message, { outcome: 'not-applied' }));
  }
  const { succeeded, results } = await driver.txn(
    { if: [compareOf(KeyRange.ofKey(key), guard)], then: [op], else: [{ type: 'get', key }] },
    call,
  );
  const [result] = results;
  if (succeeded && result?.type === op.type) {
    const { type: _, ...rest } = result;
    return { succeeded: true, ...(rest as unknown as R) };
  }
  if (!succeeded && result?.type === 'get') {
    return result.item === undefined ? { succeeded: false } : { succeeded: false, current: result.item };
  }
  throw new StoreError('internal', `the ${driver.name} adapter answered a transaction with results of another shape`);
}

/** A guard as a compare of a transaction. */
export function compareOf(range: KeyRange, guard: DriverGuard): DriverCompare {
  switch (guard.kind) {
    case 'absent':
      return { range, target: 'createRevision', op: '=', value: 0 };
    case 'present':
      return { range, target: 'createRevision', op: '>', value: 0 };
    case 'modRevision':
      return { range, target: 'modRevision', op: '=', value: guard.modRevision };
    case 'value':
      return { range, target: 'value', op: '=', value: guard.value };
  }
}
