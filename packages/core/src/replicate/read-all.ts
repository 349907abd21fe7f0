import { type ConfigStore, isStoreError, type ListResult, type Range } from '@holdfast/store';
import { compareBytes, encodeUtf8, KeyRange, keySuccessor } from '@holdfast/store/adapter';

/** How many keys are read at a time. */
const PAGE = 1_000;

interface ReadAllOptions {
  readonly keysOnly?: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * All keys under a prefix, with their leases, at one revision. In pages where the store can read a past revision: a large prefix then stays within
 * the time limit of a call. If a compaction overtakes it, it begins anew.
 */
export async function readAll(store: ConfigStore, prefix: string, options: ReadAllOptions): Promise<ListResult> {
  for (;;) {
    try {
      return await readOnce(store, KeyRange.ofPrefix(prefix), options);
    } catch (error) {
      if (!isStoreError(error, 'compacted')) throw error;
    }
  }
}

async function readOnce(store: ConfigStore, whole: KeyRange, options: ReadAllOptions): Promise<ListResult> {
  const limit = store.capabilities.historicalReads ? PAGE : undefined;
  const first = await store.list(whole.toRange(), { ...options, limit });
  const items = [...first.items];
  const undecodable = [...first.undecodable];
  let page = first;
  for (let rest = after(page, whole); page.more && rest !== undefined; rest = after(page, whole)) {
    page = await store.list(rest, { ...options, limit, revision: first.bookmark.revision });
    items.push(...page.items);
    undecodable.push(...page.undecodable);
  }
  return { ...first, items, undecodable, more: false };
}

/** What comes after the last key of a page. */
function after({ items, undecodable }: ListResult, { end }: KeyRange): Range | undefined {
  const key = items.at(-1)?.key;
  const last = [key === undefined ? undefined : encodeUtf8(key), undecodable.at(-1)?.rawKey].reduce((a, b) =>
    a === undefined || (b !== undefined && compareBytes(a, b) < 0) ? b : a,
  );
  return last === undefined ? undefined : KeyRange.ofInterval(keySuccessor(last), end).toRange();
}
