import { getEventListeners } from 'node:events';
import { type Bookmark, type ConfigStore, isStoreError, type Watch, type WatchBatch } from '@holdfast/store';
import { recordWatch, type Recorder } from '@holdfast/testkit';
import { batchBytes, STORE_BUDGET } from '../links/budget.js';
import type { WatchPlan } from '../plans/plan.js';

export interface WatchHostOptions {
  /** As its process has it. */
  readonly store: ConfigStore;
  /** Whether its process has died, and was not started again. */
  readonly isDown: () => boolean;
  readonly recorder: Recorder;
  /** True time, in milliseconds. */
  readonly now: () => number;
  readonly violated: (guarantee: string, message: string) => void;
}

/** One plain watch of a world and its consumer, which may stop reading. Its batches are recorded for the checkers. */
export class WatchHost {
  readonly #name: string;
  readonly #plan: WatchPlan;
  readonly #options: WatchHostOptions;
  #watch: Watch | undefined;
  #controller = new AbortController();
  #paused: { readonly promise: Promise<void>; readonly resume: () => void } | undefined;
  /** When its consumer began to read again. */
  #resumedAt = -1;
  #last: Bookmark | undefined;
  batches = 0;
  events = 0;

  constructor(name: string, plan: WatchPlan, options: WatchHostOptions) {
    this.#name = name;
    this.#plan = plan;
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#watch !== undefined && this.#watch.state.status !== 'closed';
  }

  open(): void {
    if (this.isOpen || this.#options.isDown()) return;
    const { store, recorder } = this.#options;
    const { prefix, only, bufferBytes, resumes } = this.#plan;
    this.#controller = new AbortController();
    const range = { prefix };
    const options = {
      only,
      bufferBytes,
      ...(resumes === true && this.#last !== undefined ? { after: this.#last } : {}),
    };
    const watch = store.watch(range, { ...options, signal: this.#controller.signal });
    const recorded = recordWatch(watch, recorder, { client: this.#name, range, options });
    this.#watch = recorded;
    void this.#consume(recorded);
  }

  pause(): void {
    if (this.#paused !== undefined) return;
    let resume: () => void = () => undefined;
    const promise = new Promise<void>((resolve) => (resume = resolve));
    this.#paused = { promise, resume };
  }

  resume(): void {
    if (this.#paused !== undefined) this.#resumedAt = this.#options.now();
    this.#paused?.resume();
    this.#paused = undefined;
  }

  abort(): void {
    this.#controller.abort(new Error('the application aborts it'));
  }

  async close(): Promise<void> {
    this.resume();
    // Its error has not been taken yet.
    if (this.#watch?.state.status !== 'closed') await this.#watch?.close();
  }

  /** The number of listeners that its signal still has. */
  get listeners(): number {
    return getEventListeners(this.#controller.signal, 'abort').length;
  }

  async #consume(watch: Watch): Promise<void> {
    let drained: number | undefined;
    try {
      for await (const batch of watch) {
        this.batches += 1;
        this.#last = batch.bookmark;
        this.events += batch.events.length;
        drained = this.#resumedAt === this.#options.now() ? this.#drain(drained, batch) : undefined;
        await this.#paused?.promise;
      }
    } catch (error) {
      // The error is recorded. If the history is lost, the bookmark can't be resumed.
      if (isStoreError(error, 'compacted') || isStoreError(error, 'history-changed')) this.#last = undefined;
    }
  }

  /**
   * C11: at most the budget and one revision wait for the consumer. More could come only over the network, which takes time. The first batch
   * is not counted: it may have been delivered while the consumer waited.
   */
  #drain(drained: number | undefined, batch: WatchBatch): number {
    if (drained === undefined) return 0;
    const budget = this.#plan.bufferBytes ?? STORE_BUDGET;
    const bytes = batchBytes(batch);
    if (drained > budget + bytes)
      this.#options.violated('buffer', `${this.#name} held ${drained} bytes back, with a budget of ${budget}`);
    return drained + bytes;
  }
}
