import {
  KeyRange,
  keySuccessor,
  StoreError,
  type DriverCall,
  type DriverScanOptions,
  type Page,
} from '@holdfast/store';
import { keyBounds, type RangeOutline, type ResponseHeader } from './codec.js';
import { bookmarkOf, type Kv } from './kv.js';
import { EtcdPage } from './page.js';

/** The first page, when nothing is known of the sizes: a thousand of the largest values that etcd takes still fit in memory. */
const FIRST_LIMIT = 1_000;
const LEAST_LIMIT = 5_000;
const MOST_LIMIT = 40_000;

/** What a page may weigh: less than the flow-control window, so that the server never waits inside of one. */
const PAGE_BYTES = 12 * 1024 * 1024;

/**
 * Reads a range in pages at the revision of the first (C5). The next page is on its way while this one is looked
 * through and used. How long pages are follows from the sizes seen: every page makes the server walk the whole range
 * again, and a page that is too long keeps the event loop.
 */
export async function* scan(
  kv: Kv,
  range: KeyRange,
  options: DriverScanOptions,
  call: DriverCall,
): AsyncGenerator<Page, void, undefined> {
  // Who stops reading pages must not leave the one on its way behind.
  const stopped = new AbortController();
  const signal = call.signal === undefined ? stopped.signal : AbortSignal.any([call.signal, stopped.signal]);
  // Etcd reads everything before it filters: in pages it would do so once for each.
  const limit = options.minModRevision === undefined ? firstLimit(options) : undefined;
  try {
    let outline = await kv.read(range, { ...options, limit }, { signal });
    const first = outline.header;
    const bookmark = bookmarkOf(first, options.revision);
    const total = outline.count;
    for (;;) {
      checkSameHistory(first, outline.header, options);
      const rest = restOf(range, outline);
      const next =
        rest === undefined
          ? undefined
          : kv.read(
              rest,
              { ...options, revision: bookmark.revision, limit: nextLimit(outline, total, options) },
              { signal },
            );
      // It is awaited after this page was used; until then its failure is nobody's.
      next?.catch(() => undefined);
      yield await EtcdPage.build(outline, { bookmark, total, more: next !== undefined });
      if (next === undefined) return;
      outline = await next;
    }
  } finally {
    stopped.abort(new StoreError('aborted', 'the scan was ended by its reader'));
  }
}

/** What is left of a range after a page of it. */
function restOf(range: KeyRange, { buffer, bounds, more }: RangeOutline): KeyRange | undefined {
  const start = bounds.at(-2);
  const end = bounds.at(-1);
  if (!more || start === undefined || end === undefined) return undefined;
  const { from, to } = keyBounds(buffer, start, end);
  return KeyRange.ofInterval(keySuccessor(buffer.subarray(from, to)), range.end);
}

// Without values there is little to send and to decode: what counts is how often the server walks the range.
function firstLimit({ keysOnly }: DriverScanOptions): number {
  return keysOnly ? MOST_LIMIT : FIRST_LIMIT;
}

function nextLimit({ buffer, bounds }: RangeOutline, total: number, { keysOnly }: DriverScanOptions): number {
  const wanted = keysOnly ? MOST_LIMIT : Math.min(MOST_LIMIT, Math.max(LEAST_LIMIT, Math.ceil(total / 8)));
  const bytesEach = buffer.byteLength / (bounds.length / 2);
  return Math.max(1, Math.min(wanted, Math.floor(PAGE_BYTES / bytesEach)));
}

/**
 * Pages of two histories must not be put together: a server that was restored between them has another cluster id, or
 * a lower raft term, while the revision may be there in both.
 */
function checkSameHistory(first: ResponseHeader, later: ResponseHeader, { consistency }: DriverScanOptions): void {
  // A member that lags behind answers serializable reads with an old term.
  const older = consistency === 'linearizable' && later.raftTerm < first.raftTerm;
  if (later.clusterId === first.clusterId && !older) return;
  throw new StoreError(
    'history-changed',
    'the store was replaced by another, or restored, during the scan; read it again',
    {
      retryable: false,
    },
  );
}
