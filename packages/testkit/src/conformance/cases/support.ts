import type {
  Capabilities,
  ConfigStore,
  GuardedDeleteResult,
  GuardedPutResult,
  KeyValue,
  ListResult,
  Op,
  Page,
  Revision,
  UndecodableKey,
  WatchBatch,
  WatchEvent,
} from '@holdfast/store';
import type { ConformanceContext } from '../context.js';
import { expectEqual, expectTrue, show, utf8 } from '../expect.js';
import { puttingAll } from '../outside-writes.js';

/** What cases require that put several keys into one transaction. */
export const MULTI = { transactions: 'multi-key' } as const;

/** What cases require that need values of nearly 1 MB. */
export const LARGE_VALUES = {
  maxValueBytes: (most: number | undefined) => most === undefined || most >= 2 ** 20,
} as const;

/** What cases require whose watches resume from before the head. */
export const RESUMES = { history: (history: Capabilities['history']) => history !== 'none' } as const;

/** A page as plain data. */
export interface ReadPage extends Omit<Page, 'key' | 'isKey' | 'value' | 'modRevision' | 'createRevision' | 'version'> {
  readonly entries: readonly Omit<KeyValue, 'lease' | 'expiresAt'>[];
  readonly undecodable: readonly UndecodableKey[];
}

export function readPage(page: Page): ReadPage {
  const entries = Array.from({ length: page.length }, (_, index) => {
    const version = page.version(index);
    const key = page.key(index);
    if (page.isKey !== undefined) {
      const middle = Math.floor(key.length / 2);
      expectEqual(page.isKey(index, key.slice(0, middle), key.slice(middle)), true, 'isKey() of a key of the page');
      expectEqual(page.isKey(index, key, '/'), false, 'isKey() of another key');
    }
    const entry = {
      key,
      value: page.value(index),
      createRevision: page.createRevision(index),
      modRevision: page.modRevision(index),
    };
    return version === undefined ? entry : { ...entry, version };
  });
  const { bookmark, total, more, length, retainedBytes, undecodable } = page;
  return { bookmark, total, more, length, retainedBytes, undecodable, entries };
}

/** All pages of a scan, read as they come. */
export async function pagesOf(scan: AsyncIterable<Page>): Promise<ReadPage[]> {
  const pages: ReadPage[] = [];
  for await (const page of scan) pages.push(readPage(page));
  return pages;
}

export function keysOf(list: Pick<ListResult, 'items'>): string[] {
  return list.items.map((item) => item.key);
}

/** A key whose text is followed by bytes that are not UTF-8. */
export function rawKey(text: string, ...bytes: number[]): Uint8Array {
  return Uint8Array.from([...utf8(text), ...bytes]);
}

/** A store as JavaScript sees it: for arguments that the types forbid. */
export function untyped(store: ConfigStore): Record<UntypedMethod, (...args: unknown[]) => Promise<unknown>> {
  return store as unknown as Record<UntypedMethod, (...args: unknown[]) => Promise<unknown>>;
}

type UntypedMethod = 'get' | 'list' | 'put' | 'delete' | 'txn' | 'compact' | 'status';

/** Writes `count` keys with names in order, `batch` at a time. Gives the keys. */
export async function putMany(
  store: ConfigStore,
  count: number,
  toKey: (index: number) => string,
  toValue: (index: number) => string | Uint8Array = String,
): Promise<string[]> {
  const keys = Array.from({ length: count }, (_, index) => toKey(index));
  const { transactions, writes } = store.capabilities;
  const putAll = puttingAll(store);
  const multi = transactions === 'multi-key' && writes !== false;
  const step = multi ? Math.min(100, store.capabilities.maxTxnOperations ?? 100) : 50;
  for (let start = 0; start < count; start += step) {
    const part = keys.slice(start, start + step);
    const put = (key: string, offset: number) => ({ type: 'put', key, value: toValue(start + offset) }) satisfies Op;
    if (multi) await store.txn({ then: part.map(put) });
    else if (putAll !== undefined) await putAll(part.map((key, offset) => [key, toValue(start + offset)]));
    else await Promise.all(part.map((key, offset) => store.put(key, toValue(start + offset))));
  }
  return keys;
}

/** A number as a name that sorts as it counts. */
export function padded(index: number): string {
  return String(index).padStart(6, '0');
}

/** What a watch told, event by event, with the position of its batch: for comparing whole deliveries. */
export function revisionsOf(events: readonly WatchEvent[]): Revision[] {
  return events.map((event) => event.revision);
}

/** The batches that carry events. */
export function withEvents(batches: readonly WatchBatch[]): WatchBatch[] {
  return batches.filter((batch) => batch.events.length > 0);
}

/** That the guard failed, told what there is (where the store can), and changed nothing. */
export async function expectRefused(
  { store, key }: ConformanceContext,
  write: () => Promise<GuardedPutResult | GuardedDeleteResult>,
  what: string,
): Promise<void> {
  const before = await store.get(key('a'));
  const result = await write();
  expectTrue(!result.succeeded, `${what} must not succeed, got ${show(result)}`);
  if (store.capabilities.guardReturnsCurrent) expectEqual(result.current, before, `the current entry told by ${what}`);
  expectEqual(await store.get(key('a')), before, `the entry after ${what}`);
}
