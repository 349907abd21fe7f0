import { isStoreError, type Clock } from '@holdfast/store';
import { messageOf, monotonicMs, sleep } from '@holdfast/adapter-kit';
import type { Backend } from '../backend.js';
import type { Compaction } from './compaction.js';
import { expiryJob } from '../writes/jobs.js';
import type { WriteQueue } from '../writes/write-queue.js';

const LOOK_EVERY_MS = 1_000;

/**
 * Does what is due while the store is open: ends leases that have expired, whoever granted them, and forgets history. Every process does it,
 * so that none is needed.
 */
export class Keeper {
  readonly #backend: Backend;
  readonly #queue: WriteQueue;
  readonly #compaction: Compaction;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;
  #compactAt = 0;

  constructor(backend: Backend, queue: WriteQueue, compaction: Compaction, clock: Clock) {
    this.#backend = backend;
    this.#queue = queue;
    this.#compaction = compaction;
    this.#clock = clock;
  }

  /** Begins, with the first call: a store that is only made does nothing. */
  begin(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the store was closed'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let waitMs = LOOK_EVERY_MS;
    while (!signal.aborted) {
      await sleep(this.#clock, waitMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      try {
        waitMs = await this.#look(signal);
      } catch (error) {
        waitMs = LOOK_EVERY_MS;
        if (signal.aborted || !isStoreError(error)) continue;
        // A role that may only read leaves it to others.
        if (error.code === 'permission-denied') waitMs = 60 * LOOK_EVERY_MS;
        this.#backend.logger.debug(
          `${this.#backend.endpoint}: can't look after leases and history: ${messageOf(error)}`,
        );
      }
    }
  }

  /** Gives when to look again. */
  async #look(signal: AbortSignal): Promise<number> {
    const nextMs = await this.#backend.nextExpiryMs(LOOK_EVERY_MS, signal);
    if (nextMs !== undefined && nextMs <= 0) await this.#queue.submit(expiryJob, signal);
    const now = monotonicMs(this.#clock);
    if (now >= this.#compactAt) {
      // Not all processes at once.
      this.#compactAt = now + this.#compaction.everyMs * (0.75 + 0.5 * Math.random());
      await this.#compaction.byItself();
    }
    if (nextMs === undefined || nextMs <= 0) return LOOK_EVERY_MS;
    return Math.min(LOOK_EVERY_MS, nextMs + 5);
  }
}
