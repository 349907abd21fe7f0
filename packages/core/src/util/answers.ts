import {
  type Bookmark,
  type ListResult,
  type Page,
  StoreError,
  type UndecodableKey,
  type WatchBatch,
} from '@holdfast/store';
import { compareBytes, compareKeys, encodeUtf8, KeyRange, keySuccessor } from '@holdfast/store/adapter';

// A mirror does not take an answer's numbers on trust: a server, a proxy or an adapter may get them wrong, and what is shown or
// deleted for that is worse than another attempt.

/** @throws StoreError `internal` for a bookmark whose revision is no revision */
export function checkBookmark(bookmark: Bookmark): Bookmark {
  if (!isRevision(bookmark.revision)) throw broken(`a bookmark at revision ${String(bookmark.revision)}`, 'C3');
  return bookmark;
}

/** @throws StoreError `internal` for a key that was not asked for, or whose revision the state that was read can't have */
export function checkKey(
  range: KeyRange,
  key: string | Uint8Array,
  revision: number,
  { revision: most }: Bookmark,
): void {
  if (!range.contains(key)) throw broken(`a key outside of ${range.toString()}`, 'C2');
  if (!isRevision(revision) || revision > most)
    throw broken(`a key of revision ${String(revision)} in a state of revision ${most}`, 'C3');
}

/** @throws StoreError `internal` for a number of keys that is none */
export function checkCount(count: number): number {
  if (!Number.isSafeInteger(count) || count < 0) throw broken(`a count of ${String(count)} keys`, 'C4');
  return count;
}

/** @throws StoreError `internal` for a list of what was not asked for */
export function checkList(range: KeyRange, list: ListResult): ListResult {
  checkBookmark(list.bookmark);
  checkCount(list.count);
  for (const { key, modRevision } of list.items) checkKey(range, key, modRevision, list.bookmark);
  for (const { rawKey, revision } of list.undecodable) checkKey(range, rawKey, revision, list.bookmark);
  return list;
}

/** @throws StoreError `internal` for a batch that a watch of the range can't deliver, or whose revisions are not in order (C10) */
export function checkBatch(range: KeyRange, { bookmark, events, undecodable }: WatchBatch): void {
  checkBookmark(bookmark);
  let last = 0;
  for (const event of events) {
    const { revision } = event;
    if (!(revision >= last && revision <= bookmark.revision))
      throw broken(`an event of revision ${revision} after ${last} in a batch up to ${bookmark.revision}`, 'C10');
    last = revision;
    if (event.type === 'put') checkKey(range, event.current.key, event.current.modRevision, bookmark);
    else if (event.type === 'delete') checkKey(range, event.key, revision, bookmark);
  }
  for (const { rawKey, revision } of undecodable) checkKey(range, rawKey, revision, bookmark);
}

/**
 * What is left of a range after a list of its first keys; `undefined` after the last ones.
 *
 * @throws StoreError `internal` for keys out of order, and for other keys than the list says there are
 */
export function restOf(range: KeyRange, { items, undecodable, count, more }: ListResult): KeyRange | undefined {
  let last: string | undefined;
  for (const { key } of items) {
    if (last !== undefined && compareKeys(last, key) >= 0) throw broken('keys that are not in order', 'C4');
    last = key;
  }
  const came = items.length + undecodable.length;
  let end = last === undefined ? undefined : encodeUtf8(last);
  for (const { rawKey } of undecodable) if (end === undefined || compareBytes(rawKey, end) > 0) end = rawKey;
  if (!more && came === count) return undefined;
  if (more && came < count && end !== undefined) {
    const start = keySuccessor(end);
    if (range.end === undefined || compareBytes(start, range.end) < 0) return KeyRange.ofInterval(start, range.end);
  }
  throw broken(`${came} of ${count} keys, and ${more ? 'more' : 'no more'} to come`, 'C4');
}

/** Holds the pages of one scan against what was asked for, and against one another (C5). */
export class ScanCheck {
  readonly #range: KeyRange;
  #bookmark: Bookmark | undefined;
  #total = 0;
  #seen = 0;

  constructor(range: KeyRange) {
    this.#range = range;
  }

  get bookmark(): Bookmark | undefined {
    return this.#bookmark;
  }

  /** How many keys came so far, unreadable ones too. */
  get seen(): number {
    return this.#seen;
  }

  /** @throws StoreError `internal` for a page that can't follow on those before it */
  begin(page: Page): void {
    const { revision, identity } = checkBookmark(page.bookmark);
    this.#bookmark ??= page.bookmark;
    if (this.#bookmark.revision !== revision || this.#bookmark.identity !== identity)
      throw broken('pages of different revisions in one scan', 'C5');
    this.#total = Math.max(this.#total, checkCount(page.total));
    this.#seen += page.length + page.undecodable.length;
    for (const key of page.undecodable) this.unreadable(key);
  }

  /** @throws StoreError `internal` */
  key(key: string, revision: number): void {
    if (this.#bookmark !== undefined) checkKey(this.#range, key, revision, this.#bookmark);
  }

  /** @throws StoreError `internal` */
  unreadable({ rawKey, revision }: UndecodableKey): void {
    if (this.#bookmark !== undefined) checkKey(this.#range, rawKey, revision, this.#bookmark);
  }

  /**
   * To be called after the last page of a scan that nothing was filtered out of: what did not come would be taken for deleted.
   *
   * @param distinct how many different keys came, unreadable ones too
   * @throws StoreError `internal` where that is not all of them
   */
  end(distinct: number): void {
    if (this.#bookmark === undefined) throw broken('no page of a scan', 'C5');
    if (distinct !== this.#total || this.#seen !== distinct)
      throw broken(`${distinct} different keys of ${this.#total} in a scan of ${this.#range.toString()}`, 'C5');
  }
}

function isRevision(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}

function broken(what: string, clause: string): StoreError {
  const message = `the store answered with ${what}; the server or its adapter breaks contract ${clause}`;
  return new StoreError('internal', message, { retryable: true });
}
