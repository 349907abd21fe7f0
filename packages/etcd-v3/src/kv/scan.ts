import { isStoreError, StoreError, type Bookmark, type Page, type Revision } from '@holdfast/store';
import {
  compareBytes,
  type DriverCall,
  type DriverScanOptions,
  KeyRange,
  keySuccessor,
  monotonicMs,
  noteFailure,
  onFailure,
} from '@holdfast/store/adapter';
import { badAnswer } from '../protobuf/bad-answer.js';
import type { ResponseHeader } from '../protobuf/header.js';
import type { RangeOutline } from '../protobuf/range.js';
import { bookmarkOf, type Kv } from './kv.js';
import { EtcdPage } from './page.js';
import { NO_KEYS, type RangeAnswer } from './page-keys.js';
import { RangeChunks, type ChunksEnd } from './range-chunks.js';
import { keyAt, ReadAhead } from './read-ahead.js';

/** The first page, when nothing is known of the sizes: a thousand of the largest values that etcd takes still fit in memory. */
const FIRST_LENGTH = 1_000;
const LEAST_LENGTH = 2_000;
const MOST_LENGTH = 40_000;

/**
 * A first page that took so long, in milliseconds, shows a server that is busy, or far away. A reader who wants to spare a busy one must find
 * nothing on its way already; over a long line the few milliseconds make no difference.
 */
const LATE_MS = 300;

/**
 * What a page is to weigh: gRPC puts it together in one turn of the event loop, and twenty milliseconds for eight megabytes are much.
 * Less than the flow-control window, so that the server never waits inside of one.
 */
const PAGE_BYTES = 2 * 1024 * 1024;

/** How many streams of a scan may break before the rest of it is read in pages. */
const MOST_BROKEN = 3;

/** By how much parts get shorter that were too large. */
const SHRINK = 8;

/**
 * Reads a range at the revision of its first page (C5). How long pages are follows from the sizes seen: a page that is too long keeps the
 * event loop, and every request costs the server something.
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
    if (options.minModRevision === undefined) {
      const began = now(kv);
      const first = await parts.read(range, options, { length: FIRST_LENGTH });
      const isLate = now(kv) - began >= LATE_MS;
      yield* new PinnedScan(kv, parts, { range, options, signal }, first).pages(isLate);
    } else {
      // Etcd reads everything before it filters: in pages it would do so once for each.
      const answer = await kv.read(range, options, { signal }, whole);
      const bookmark = bookmarkOf(answer.header, options.revision);
      yield new EtcdPage(answer, { bookmark, total: answer.count, more: false });
    }
  } finally {
    stopped.abort(new StoreError('aborted', 'the scan was ended by its reader'));
  }
}

interface Scanned {
  readonly range: KeyRange;
  readonly options: DriverScanOptions;
  readonly signal: AbortSignal;
}

/** What is on its way. */
interface Rest {
  readonly chunks: RangeChunks | undefined;
  readonly ahead: ReadAhead<RangeAnswer> | undefined;
}

/**
 * A scan from its first page on. That is an ordinary read: it tells the revision, the history and the number of keys, which a stream tells
 * only at its end. What comes next is on its way while a page is looked through and used.
 */
class PinnedScan {
  readonly #kv: Kv;
  readonly #parts: PartReader;
  readonly #range: KeyRange;
  readonly #options: DriverScanOptions & { readonly revision: Revision };
  readonly #signal: AbortSignal;
  readonly #first: RangeAnswer;
  readonly #bookmark: Bookmark;
  /** How many keys were not handed out yet. */
  #left: number;
  /** How many streams broke. */
  #broken = 0;

  constructor(kv: Kv, parts: PartReader, { range, options, signal }: Scanned, first: RangeAnswer) {
    this.#kv = kv;
    this.#parts = parts;
    this.#range = range;
    this.#signal = signal;
    this.#first = first;
    this.#bookmark = bookmarkOf(first.header, options.revision);
    this.#options = { ...options, revision: this.#bookmark.revision };
    this.#left = first.count;
  }

  /**
   * All pages: the rest comes as a stream where the server has that, and in pages where it has not. A stream that breaks is no failure of
   * the scan: a page is read from there, by all the rules of reads, and then the rest as a stream again.
   *
   * @param isLate whether the first page was: then the rest is asked for only when the reader wants it
   */
  async *pages(isLate: boolean): AsyncGenerator<Page, void, undefined> {
    let answer = this.#first;
    let isHeldBack = isLate;
    for (let part = this.#range; ;) {
      // Begun before the page is handed out, so that the next one comes while this one is used.
      let rest = isHeldBack ? undefined : this.#rest(part, answer);
      isHeldBack = false;
      yield this.#page(answer, answer.more);
      if (!answer.more) return;
      rest ??= this.#rest(part, answer);
      const { chunks } = rest;
      let { ahead } = rest;
      if (chunks !== undefined) {
        const { end, last } = yield* this.#chunksOf(chunks);
        if (end.status === 'complete') return;
        this.#broken += end.final ? MOST_BROKEN : 1;
        if (last === undefined) ahead = this.#readAhead(part, answer);
        else ({ part, answer } = await this.#resume(last));
      }
      if (ahead !== undefined) {
        yield* this.#pagesOf(ahead);
        return;
      }
    }
  }

  /** What comes after an answer: one of these, or neither if nothing does. */
  #rest(part: KeyRange, answer: RangeAnswer): Rest {
    const chunks = answer.more ? this.#stream(answer) : undefined;
    return { chunks, ahead: answer.more && chunks === undefined ? this.#readAhead(part, answer) : undefined };
  }

  /** The rest of the range after a key, and the first page of it. */
  async #resume(key: Uint8Array): Promise<{ readonly part: KeyRange; readonly answer: RangeAnswer }> {
    const part = this.#after(key);
    if (part !== undefined) return { part, answer: await this.#read(part, FIRST_LENGTH, this.#left) };
    // No key can come after it. That all the keys were of one history is still to be shown.
    const known = KeyRange.ofInterval(key, keySuccessor(key));
    const answer = await this.#read(known, 1, 1);
    return { part: known, answer: { ...answer, bounds: [], keys: NO_KEYS } };
  }

  /** `undefined` if no key of the range can come after this one. */
  #after(key: Uint8Array): KeyRange | undefined {
    const start = keySuccessor(key);
    const { end } = this.#range;
    return end !== undefined && compareBytes(start, end) >= 0 ? undefined : KeyRange.ofInterval(start, end);
  }

  /** What comes after an answer, as a stream. `undefined` if it must be read in pages. */
  #stream(answer: RangeAnswer): RangeChunks | undefined {
    if (this.#broken >= MOST_BROKEN) return undefined;
    const range = this.#after(lastKey(answer));
    // A contradiction, which is reported where pages are put together.
    if (range === undefined) return undefined;
    const call = this.#kv.chunks(range, this.#options, this.#bookmark.identity, this.#signal);
    if (call === undefined) return undefined;
    return new RangeChunks(call, {
      range,
      revision: this.#options.revision,
      count: answer.count - answer.bounds.length / 2,
      checkHistory: (header) => {
        this.#checkHistory(header);
      },
      signal: this.#signal,
    });
  }

  /** The pages of a stream. Returns how it ended, and the last key that it brought. */
  async *#chunksOf(
    chunks: RangeChunks,
  ): AsyncGenerator<Page, { readonly end: ChunksEnd; readonly last: Uint8Array | undefined }, undefined> {
    let last: Uint8Array | undefined;
    for (;;) {
      const next = await chunks.next();
      if ('status' in next) return { end: next, last };
      last = lastKey(next);
      yield this.#page(next, next.more);
    }
  }

  /** @param part what the answer is the first stretch of */
  #readAhead(part: KeyRange, answer: RangeAnswer): ReadAhead<RangeAnswer> {
    const ahead = new ReadAhead({
      range: part,
      total: answer.count,
      length: (seen) => pageLength(seen, answer.count),
      read: (stretch, most) => this.#read(stretch, most),
    });
    ahead.begin(answer);
    return ahead;
  }

  async *#pagesOf(ahead: ReadAhead<RangeAnswer>): AsyncGenerator<Page, void, undefined> {
    for (;;) {
      const { outline, more } = await ahead.next();
      yield this.#page(outline, more);
      if (!more) return;
    }
  }

  async #read(part: KeyRange, length: number, count?: number): Promise<RangeAnswer> {
    const answer = await this.#parts.read(part, this.#options, { length, count });
    this.#checkHistory(answer.header);
    return answer;
  }

  #page(part: Pick<RangeAnswer, 'buffer' | 'keys' | 'bounds'>, more: boolean): EtcdPage {
    this.#left -= part.bounds.length / 2;
    return new EtcdPage(part, { bookmark: this.#bookmark, total: this.#first.count, more });
  }

  #checkHistory(header: ResponseHeader): void {
    checkSameHistory(this.#first.header, header, this.#options);
  }
}

interface PartSize {
  /** The number of entries that are wanted at most. */
  readonly length: number;
  /** The number of keys that the range has, where that is known. */
  readonly count?: number | undefined;
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
  async read(range: KeyRange, options: DriverScanOptions, { length, count }: PartSize): Promise<RangeAnswer> {
    const use = (answer: RangeAnswer): RangeAnswer => {
      if (count === undefined || answer.count === count) return answer;
      throw badAnswer(`etcd counts ${answer.count} keys in ${range.toString()}, where ${count} of the scan are left`);
    };
    for (;;) {
      const limit = Math.min(length, this.#most);
      try {
        return await this.#kv.read(range, { ...options, limit }, { signal: this.#signal }, use);
      } catch (error) {
        if (!isStoreError(error, 'too-large') || limit === 1) throw error;
        this.#most = Math.max(1, Math.floor(limit / SHRINK));
      }
    }
  }
}

function now({ clock }: Kv): number {
  return monotonicMs(clock);
}

function lastKey(part: Pick<RangeAnswer, 'buffer' | 'bounds'>): Uint8Array {
  return keyAt(part, part.bounds.length / 2 - 1);
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
