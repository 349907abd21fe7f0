import { isStoreError, StoreError, type Page } from '@holdfast/store';
import {
  noteFailure,
  onFailure,
  type DriverCall,
  type DriverScanOptions,
  type KeyRange,
} from '@holdfast/store/adapter';
import type { ResponseHeader } from '../protobuf/header.js';
import type { RangeOutline } from '../protobuf/range.js';
import { bookmarkOf, type Kv } from './kv.js';
import { EtcdPage } from './page.js';
import type { RangeAnswer } from './page-keys.js';
import { ReadAhead } from './read-ahead.js';

/** The first page, when nothing is known of the sizes: a thousand of the largest values that etcd takes still fit in memory. */
const FIRST_LENGTH = 1_000;
const LEAST_LENGTH = 2_000;
const MOST_LENGTH = 40_000;

/**
 * What a page is to weigh: gRPC puts it together in one turn of the event loop, and twenty milliseconds for eight megabytes are much.
 * Less than the flow-control window, so that the server never waits inside of one.
 */
const PAGE_BYTES = 2 * 1024 * 1024;

/** By how much parts get shorter that were too large. */
const SHRINK = 8;

/**
 * Reads a range in pages at the revision of the first (C5). The next ones are on their way while this one is looked
 * through and used. How long pages are follows from the sizes seen: a page that is too long keeps the event loop, and
 * every request costs the server something.
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
  onFailure(signal, (failure) => {
    noteFailure(call.signal, failure);
  });
  const parts = new PartReader(kv, signal);
  try {
    if (options.minModRevision !== undefined) {
      // Etcd reads everything before it filters: in pages it would do so once for each.
      const answer = await kv.read(range, options, { signal }, whole);
      yield new EtcdPage(answer, {
        bookmark: bookmarkOf(answer.header, options.revision),
        total: answer.count,
        more: false,
      });
      return;
    }
    let outline = await parts.read(range, options, FIRST_LENGTH);
    const first = outline.header;
    const bookmark = bookmarkOf(first, options.revision);
    const total = outline.count;
    const pinned = { ...options, revision: bookmark.revision };
    const ahead = new ReadAhead({
      range,
      total,
      length: (seen) => pageLength(seen, total),
      read: async (part, most) => {
        const next = await parts.read(part, pinned, most);
        checkSameHistory(first, next.header, options);
        return next;
      },
    });
    let more = ahead.begin(outline);
    for (;;) {
      yield new EtcdPage(outline, { bookmark, total, more });
      if (!more) return;
      ({ outline, more } = await ahead.next());
    }
  } finally {
    stopped.abort(new StoreError('aborted', 'the scan was ended by its reader'));
  }
}

/** Reads parts of a scan. Where a part is too large for one answer (`maxResponseBytes`), it and all later ones are read shorter. */
class PartReader {
  readonly #kv: Kv;
  readonly #signal: AbortSignal;
  #most = Infinity;

  constructor(kv: Kv, signal: AbortSignal) {
    this.#kv = kv;
    this.#signal = signal;
  }

  /** @throws StoreError `too-large` where a single entry is */
  async read(range: KeyRange, options: DriverScanOptions, length: number): Promise<RangeAnswer> {
    for (;;) {
      const limit = Math.min(length, this.#most);
      try {
        return await this.#kv.read(range, { ...options, limit }, { signal: this.#signal }, whole);
      } catch (error) {
        if (!isStoreError(error, 'too-large') || limit === 1) throw error;
        this.#most = Math.max(1, Math.floor(limit / SHRINK));
      }
    }
  }
}

function whole(answer: RangeAnswer): RangeAnswer {
  return answer;
}

function pageLength({ buffer, bounds }: RangeOutline, total: number): number {
  const wanted = Math.min(MOST_LENGTH, Math.max(LEAST_LENGTH, Math.ceil(total / 8)));
  const bytesEach = buffer.byteLength / Math.max(1, bounds.length / 2);
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
