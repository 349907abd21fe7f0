import { type Bookmark, type ConfigStore, isStoreError, StoreError } from '@holdfast/store';
import type { Change } from '../events/change.js';
import { mirror } from '../mirror.js';
import { isOtherOrOlder } from '../table/history.js';
import { bytes } from '../values/bytes.js';
import type { Mirror } from '../views/prefix-mirror.js';
import type { LeaseTap } from './lease-tap.js';
import type { Settings } from './options.js';
import type { Progress } from './record.js';
import { checkHistory } from './source-history.js';
import type { Step } from './step-queue.js';
import type { Supervision } from './supervision.js';

/** How long an attempt to catch up takes at most, in milliseconds. */
const MOST_PATIENCE_MS = 600_000;

export interface SourceMirrorOptions {
  readonly source: ConfigStore;
  readonly settings: Settings;
  readonly tap: LeaseTap;
  readonly supervision: Supervision;
  readonly signal: AbortSignal;
  onStep(step: Step): void;
  /** The source holds another history. */
  onHistory(from: Bookmark, to: Bookmark): void;
  /** The mirror ended by itself. */
  onEnd(error: StoreError): void;
}

/** The source as a replicator sees it: a mirror of it, which tells of each step. */
export class SourceMirror {
  readonly #options: SourceMirrorOptions;
  #mirror: Mirror<Uint8Array> | undefined;

  constructor(options: SourceMirrorOptions) {
    this.#options = options;
  }

  /** `undefined` until it is open. */
  get opened(): Mirror<Uint8Array> | undefined {
    return this.#mirror;
  }

  /** @throws StoreError `internal` before it is open */
  require(): Mirror<Uint8Array> {
    if (this.#mirror === undefined) throw new StoreError('internal', 'the replication has not started');
    return this.#mirror;
  }

  /** How many keys the source has, those too that can't be shown. */
  get count(): number {
    return this.#mirror === undefined ? 0 : this.#mirror.size + this.#mirror.problems().length;
  }

  async open(): Promise<void> {
    const { settings, tap, supervision, signal } = this.#options;
    const { prefix, clock, random, logger, startTimeoutMs, name, backoff } = settings;
    const { initialMs, maxMs } = backoff;
    const mirrored = await mirror(tap.store, {
      prefix,
      codec: bytes(),
      decode: 'lazy',
      // Values are read once each.
      cacheSize: 1,
      name: `replicate ${name}`,
      clock,
      random,
      logger,
      backoff: { initialMs, maxMs },
      startTimeoutMs,
      signal,
      onChange: ({ cause, bookmark, changes }) => {
        if (cause !== 'load') this.#changed(bookmark, changes);
      },
      onState: ({ status, connection, ...state }) => {
        if (status === 'closed') {
          // Only its store can end it.
          const error = 'error' in state ? state.error : undefined;
          if (error !== undefined && !signal.aborted) this.#options.onEnd(error);
        } else if (connection === 'connected') supervision.answered('source');
        else if ('cause' in state && state.cause !== undefined) supervision.interrupted('source', state.cause);
      },
    });
    mirrored.on('resync', ({ reason, from, bookmark }) => {
      if (reason !== 'history-changed' && !isOtherOrOlder(bookmark, from)) return;
      this.#options.onHistory(from, bookmark);
    });
    this.#mirror = mirrored;
  }

  #changed(bookmark: Bookmark, changes: readonly Change<Uint8Array>[]): void {
    this.#options.onStep({ bookmark, changes, keys: this.count });
  }

  /**
   * Until the mirror has what another replicator has carried over meanwhile: a comparison with less would undo that. Where the source does
   * not have it either, the mirror has everything that there is. Without a record, nobody knows how much that was.
   */
  async catchUp({ bookmark, toward }: Progress = {}): Promise<void> {
    const { supervision } = this.#options;
    const mirrored = this.require();
    if (bookmark === undefined && toward === undefined)
      await supervision.retry('source', () => this.#untilAt(mirrored, undefined));
    for (const last of [bookmark, toward]) {
      if (last === undefined || !isOtherOrOlder(mirrored.bookmark, last)) continue;
      await supervision.retry('source', () => this.#untilAt(mirrored, last));
    }
  }

  async #untilAt(mirrored: Mirror<Uint8Array>, last: Bookmark | undefined): Promise<void> {
    const { settings, signal } = this.#options;
    // A slow source is given more time, since each attempt asks for what is newer.
    for (let timeoutMs = settings.startTimeoutMs; ; timeoutMs = Math.min(2 * timeoutMs, MOST_PATIENCE_MS)) {
      const done = new AbortController();
      const options = { signal: AbortSignal.any([signal, done.signal]), timeoutMs };
      const ways = [mirrored.sync(options)];
      // Events alone may bring it there, which takes no read.
      if (last?.identity === mirrored.bookmark.identity) ways.push(mirrored.waitFor(last.revision, options));
      try {
        await Promise.race(ways);
        return;
      } catch (error) {
        // Giving up would leave nobody to follow: the other replicator has stopped by now.
        if (!isStoreError(error, 'timeout') || mirrored.state.connection !== 'connected') throw error;
      } finally {
        done.abort();
      }
    }
  }

  /** @throws StoreError `history-changed` if the source does not continue what was replicated, unless that is accepted */
  async checkHistory(last: Bookmark, keys: number | undefined): Promise<void> {
    const { source, settings, supervision, signal } = this.#options;
    if (settings.acceptHistory) return;
    const { prefix } = settings;
    await checkHistory(this.require(), {
      source,
      prefix,
      last,
      keys,
      signal,
      retry: (work) => supervision.retry('source', work),
    });
  }

  async close(): Promise<void> {
    await this.#mirror?.close();
  }
}
