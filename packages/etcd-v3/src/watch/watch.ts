import { StoreError } from '@holdfast/store';
import {
  safeLogger,
  systemClock,
  type DriverWatch,
  type DriverWatchOptions,
  type KeyRange,
  type WatchSink,
} from '@holdfast/store/adapter';
import { MAX_RESPONSE_BYTES } from '../options.js';
import { WatchLink, type WatchLinkOptions } from './link.js';
import { SeenHistories } from './seen-histories.js';
import { WatchSession } from './session.js';
import type { WatchTransport } from '../connection/transport.js';

/** The settings of a store's watches. All have defaults. Times are in milliseconds. */
export type WatchManagerOptions = { readonly [Name in keyof WatchLinkOptions]?: WatchLinkOptions[Name] | undefined };

/**
 * All watches of a store, on one gRPC stream. It reconnects by itself: each watch then goes on from its own bookmark, with nothing
 * lost and nothing repeated.
 */
export class WatchManager {
  readonly #transport: WatchTransport;
  readonly #options: WatchLinkOptions;
  readonly #link: WatchLink;
  readonly #sessions = new Set<WatchSession>();
  readonly #seen = new SeenHistories();
  #closed = false;

  constructor(transport: WatchTransport, options: WatchManagerOptions = {}) {
    this.#transport = transport;
    this.#options = {
      clock: options.clock ?? systemClock,
      stopwatch: options.stopwatch ?? (() => performance.now()),
      random: options.random ?? Math.random,
      logger: safeLogger(options.logger),
      backoff: options.backoff ?? { initialMs: 100, maxMs: 5_000 },
      stableMs: options.stableMs ?? 5_000,
      progressMs: options.progressMs ?? 5_000,
      silenceMs: options.silenceMs ?? 30_000,
      answerMs: options.answerMs ?? options.silenceMs ?? 30_000,
      maxResponseBytes: options.maxResponseBytes ?? MAX_RESPONSE_BYTES,
    };
    this.#link = new WatchLink(transport, this.#options);
  }

  /** The highest raft term that watches have seen. */
  get raftTerm(): number | undefined {
    return this.#seen.raftTerm;
  }

  /** A saved copy has seen a history under this raft term. */
  assume(identity: string, raftTerm: number): void {
    this.#seen.assume(identity, raftTerm);
  }

  /** Follows a range. It does not call `sink` before it returns. */
  watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    if (this.#closed) throw new StoreError('closed', 'the store is closed');
    const session = new WatchSession(range, options, sink, {
      transport: this.#transport,
      link: this.#link,
      options: this.#options,
      seen: this.#seen,
      onEnd: (ended) => {
        this.#sessions.delete(ended);
        if (this.#sessions.size === 0) this.#link.release();
      },
    });
    this.#sessions.add(session);
    session.start();
    return session;
  }

  /** Ends all watches, here and at the server. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#sessions].map((session) => session.close()));
    this.#link.close();
  }
}
