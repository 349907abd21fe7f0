import { type Bookmark, type ListResult, type Page, type Revision, StoreError, type WatchBatch } from '@holdfast/store';
import { removeAbortListener, Slicer, toStoreError, whenAborted } from '@holdfast/store/adapter';
import type { Mark } from '../runtime/freshness.js';
import type { Runtime } from '../runtime/runtime.js';
import { checkContinues, checkIdentity } from '../table/history.js';
import { checkBatch, checkBookmark } from '../util/answers.js';
import { Watermark } from '../util/watermark.js';
import { Composition } from './composition.js';
import { Intervals, type Piece } from './intervals.js';
import { LaterEvents } from './later-events.js';
import { install, type LoadOptions, PAGE_TIMEOUT_MS } from './load.js';
import { OpenWatch } from './open-watch.js';
import { readFingerprint } from './read-fingerprint.js';
import { readHead } from './read-head.js';
import { readPieces } from './read-pieces.js';

/** How much of what comes in while the pieces are decoded may wait: more than usual, since that takes longest for the largest. */
const BUFFER_BYTES = 32 * 1024 * 1024;

/**
 * Loads what is compacted faster than it can be read at one revision: the watch is opened first, the range is read piece by piece, each
 * at the store's head of that moment, and to each piece the events newer than it are applied. Nothing is shown before all of it
 * is one state, which is then installed as one step (M2, M3).
 *
 * @returns the watch that was open all the time: the following goes on with it
 */
export async function loadWhileFollowing(runtime: Runtime, options: LoadOptions): Promise<OpenWatch> {
  const watch = new OpenWatch(runtime, { bufferBytes: BUFFER_BYTES });
  try {
    const { composition, bookmark, mark } = await new FollowedRead(runtime, watch, options).run();
    await install(runtime, options, mark, async (add) => {
      for (const page of composition.pages(bookmark)) await add(page);
    });
    return watch;
  } catch (error) {
    await watch.close();
    throw error;
  }
}

/** All of the range, complete as of the mark. */
interface State {
  readonly composition: Composition;
  readonly bookmark: Bookmark;
  readonly mark: Mark;
}

class FollowedRead {
  readonly #runtime: Runtime;
  readonly #watch: OpenWatch;
  readonly #options: LoadOptions;
  readonly #pages: Page[] = [];
  readonly #intervals = new Intervals();
  readonly #events = new LaterEvents();
  /** Up to which revision the watch has told everything. */
  readonly #position = new Watermark();
  readonly #ended = new AbortController();
  /** Of the latest read. */
  #latest: Bookmark | undefined;
  /** How far the watch was when the read that is under way began, at the latest. */
  #toldBefore = 0;
  /** While the events are put together with the pieces, none are taken: they wait in the watch. */
  #isTaking = true;
  #resume: () => void = () => undefined;

  constructor(runtime: Runtime, watch: OpenWatch, options: LoadOptions) {
    this.#runtime = runtime;
    this.#watch = watch;
    this.#options = options;
  }

  /** @throws StoreError where the watch ends, a piece can't be read, or what was read is of more than one history */
  async run(): Promise<State> {
    const { signal } = this.#options;
    const onAbort = () => {
      this.#ended.abort(signal.reason);
    };
    whenAborted(signal, onAbort);
    // Not when `ready` tells it, which is a moment later: the connection may be lost in between.
    let isEstablished = false;
    const off = this.#watch.onState((state) => {
      if (state.status === 'live') isEstablished = true;
      if (state.status !== 'interrupted') return;
      this.#runtime.noteTrouble(state.cause);
      // Before it was established, nothing was read.
      if (isEstablished) this.#ended.abort(interrupted(state.cause));
    });
    try {
      const state = await this.#read();
      // While the pieces were put together, which nothing ends.
      this.#ended.signal.throwIfAborted();
      return state;
    } finally {
      removeAbortListener(signal, onAbort);
      off();
      // Whoever installs them lets them go one by one.
      this.#pages.length = 0;
    }
  }

  async #read(): Promise<State> {
    const runtime = this.#runtime;
    const { signal } = this.#ended;
    const after = await runtime.read('opening a watch', PAGE_TIMEOUT_MS, signal, () => this.#watch.ready);
    this.#latest = checkBookmark(after);
    this.#position.set(after.revision);
    this.#toldBefore = after.revision;
    // It ends by itself, and tells through the signal how.
    void this.#takeBatches();
    await readPieces(runtime, signal, (piece) => {
      this.#add(piece);
    });
    const mark = runtime.freshness.begin();
    this.#toldBefore = this.#position.value;
    const head = await readHead(runtime, signal);
    this.#checkRead(head);
    return this.#whenComplete(head, mark);
  }

  /** Waits until the watch has told everything up to the latest read. */
  async #whenComplete(head: Bookmark, mark: Mark): Promise<State> {
    const runtime = this.#runtime;
    const { graceMs } = runtime.settings;
    const { signal } = this.#ended;
    for (;;) {
      if (await runtime.reaches(head.revision, graceMs, signal, this.#position)) {
        this.#isTaking = false;
        const bookmark = { ...head, revision: this.#position.value as Revision };
        return { composition: await this.#compose(), bookmark, mark };
      }
      // Before that read: what the watch tells during it counts.
      const next = this.#position.value + 1;
      const state = await this.#whenIdle();
      if (state !== undefined) return state;
      await runtime.wait('waiting for the watch', PAGE_TIMEOUT_MS, signal, (deadline) =>
        this.#position.until(next, deadline.signal),
      );
    }
  }

  /**
   * A range in which nothing happens has no events that tell how far the watch is. If nothing was put into it since the earliest
   * of what the pieces are as of, and as many keys are there as were put together, then nothing was deleted either.
   */
  async #whenIdle(): Promise<State | undefined> {
    const runtime = this.#runtime;
    this.#isTaking = false;
    const composition = await this.#compose();
    const earliest = Math.max(this.#intervals.least, this.#position.value);
    const mark = runtime.freshness.begin();
    this.#toldBefore = this.#position.value;
    const read = await readFingerprint(runtime, 'the check for changes', this.#ended.signal);
    this.#checkRead(read.bookmark);
    if (read.count === composition.total && newestOf(read) <= earliest)
      return { composition, bookmark: read.bookmark, mark };
    this.#isTaking = true;
    this.#resume();
    return undefined;
  }

  #compose(): Promise<Composition> {
    return Composition.of(this.#pages, this.#intervals, this.#events, new Slicer(this.#runtime.settings.clock));
  }

  async #takeBatches(): Promise<void> {
    try {
      for (;;) {
        const next = await this.#watch.peek();
        while (!this.#isTaking) await new Promise<void>((resolve) => (this.#resume = resolve));
        this.#watch.take();
        if (next.done === true) throw new StoreError('unavailable', 'the watch ended without saying why');
        this.#take(next.value);
      }
    } catch (error) {
      this.#ended.abort(toStoreError(error));
    }
  }

  #take(batch: WatchBatch): void {
    checkBatch(this.#runtime.settings.range, batch);
    checkIdentity(batch.bookmark, this.#latest);
    this.#events.add(batch);
    this.#position.set(Math.max(this.#position.value, batch.bookmark.revision));
  }

  #add(piece: Piece): void {
    this.#checkRead(piece.page.bookmark);
    this.#pages.push(piece.page);
    this.#intervals.add(piece);
    // The pages of a scan are one read: each is of the revision at which the first one began.
    if (this.#runtime.store.capabilities.historicalReads) this.#toldBefore = this.#position.value;
  }

  /**
   * A read that began after the watch had told something, and after the reads before it: it can't be of an earlier state. In a store that was
   * put back meanwhile it is.
   */
  #checkRead(bookmark: Bookmark): void {
    if (this.#latest !== undefined) {
      const revision = Math.max(this.#latest.revision, this.#toldBefore) as Revision;
      checkContinues(bookmark, { ...this.#latest, revision });
    }
    if (!this.#options.newHistory) checkContinues(bookmark, this.#runtime.table.bookmark);
    this.#latest = bookmark;
  }
}

/** Whoever answers after that may have another history, which has got as far: nothing would show that two of them were put together. */
function interrupted(cause: StoreError): StoreError {
  const message = `the watch was interrupted while everything was read piece by piece: ${cause.message}`;
  return new StoreError('unavailable', message, { cause });
}

function newestOf({ items, undecodable }: ListResult): number {
  return Math.max(0, items[0]?.modRevision ?? 0, undecodable[0]?.revision ?? 0);
}
