import { getEventListeners } from 'node:events';
import type { ConfigStore, Watch } from '@holdfast/store';
import { recordWatch, type Recorder } from '@holdfast/testkit';
import type { WatchPlan } from './plan.js';

/** One plain watch of a world and its consumer, who may stop reading. What it tells is recorded for the checkers. */
export class WatchHost {
  readonly #name: string;
  readonly #plan: WatchPlan;
  readonly #store: ConfigStore;
  readonly #recorder: Recorder;
  #watch: Watch | undefined;
  #controller = new AbortController();
  #paused: { readonly promise: Promise<void>; readonly resume: () => void } | undefined;
  #batches = 0;

  constructor(name: string, plan: WatchPlan, store: ConfigStore, recorder: Recorder) {
    this.#name = name;
    this.#plan = plan;
    this.#store = store;
    this.#recorder = recorder;
  }

  get batches(): number {
    return this.#batches;
  }

  open(): void {
    if (this.#watch !== undefined && this.#watch.state.status !== 'closed') return;
    const { prefix, only, bufferBytes } = this.#plan;
    this.#controller = new AbortController();
    const range = { prefix };
    const options = { only, bufferBytes };
    const watch = this.#store.watch(range, { ...options, signal: this.#controller.signal });
    const recorded = recordWatch(watch, this.#recorder, { client: this.#name, range, options });
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
    this.#paused?.resume();
    this.#paused = undefined;
  }

  abort(): void {
    this.#controller.abort(new Error('the application aborts it'));
  }

  async close(): Promise<void> {
    this.resume();
    // What it failed with is still to be taken.
    if (this.#watch?.state.status !== 'closed') await this.#watch?.close();
  }

  /** Listeners that its signal still has. */
  get listeners(): number {
    return getEventListeners(this.#controller.signal, 'abort').length;
  }

  async #consume(watch: Watch): Promise<void> {
    try {
      for await (const _ of watch) {
        this.#batches += 1;
        await this.#paused?.promise;
      }
    } catch {
      // Recorded. Whoever has lost the history opens another one.
    }
  }
}
