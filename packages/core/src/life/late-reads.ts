import type { StoreError } from '@holdfast/store';
import type { Runtime } from '../runtime/runtime.js';
import { PAGE_TIMEOUT_MS } from '../reads/load.js';

/** The longest pause, in milliseconds. */
const LONGEST_PAUSE_MS = 60_000;

/** The loads in a row that were not answered in time. The server may still be at work for them. */
export class LateReads {
  readonly #runtime: Runtime;
  #late = 0;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /**
   * How long to wait at least before the next attempt: after a time-out about as long as that took, twice as long after the next one.
   *
   * @param tookMs how long the attempt took, in milliseconds: the store's own time-outs may be short
   */
  pauseAfter({ code }: StoreError, tookMs: number): number {
    if (code !== 'timeout') return 0;
    const { settings, patienceMs } = this.#runtime;
    const ceiling = Math.min(LONGEST_PAUSE_MS, Math.min(tookMs, PAGE_TIMEOUT_MS) * 2 ** this.#late, patienceMs);
    this.#late += 1;
    return ceiling * (0.5 + settings.random() / 2);
  }
}
