import { isStoreError, type Page, StoreError } from '@holdfast/store';
import type { Runtime } from '../runtime/runtime.js';
import { stopwatch } from '../util/stopwatch.js';
import { askIfBusy, awaitQuick } from './await-quick.js';
import { takeTurn } from './take-turn.js';

/** How many times as much as its first page a read is taken for at most. */
const MOST_SHARE = 100;

/**
 * A read of a whole range that gives way where the server is busy: if its first page is late, it waits before it asks for the others until
 * the server answers quickly. On a server that does it costs nothing.
 */
export class ConsiderateRead {
  readonly #runtime: Runtime;
  readonly #passed: () => number;
  #isFirst = true;
  #isOver = false;
  #hasWaited = false;
  #giveBack: () => void = () => undefined;

  /** To be made right before the read begins. */
  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#passed = stopwatch(runtime.settings.clock);
  }

  /**
   * Makes the read, by `work`.
   *
   * @throws StoreError what `work` throws; `unavailable` in place of `compacted` after a wait, which says nothing of the pace of compactions
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#hasWaited && isStoreError(error, 'compacted') ? this.#overtaken(error) : error;
    } finally {
      this.#isOver = true;
      this.#giveBack();
    }
  }

  /** To be called, and waited for, with each page when it has come. */
  async came({ more, total, length }: Page, signal: AbortSignal): Promise<void> {
    if (!this.#isFirst) return;
    this.#isFirst = false;
    const { fullLoads, store } = this.#runtime;
    // Where the past can't be read, a scan is one read: the other pages are here already.
    if (!more || !store.capabilities.historicalReads || !fullLoads.isSlow(this.#passed())) return;
    await this.#giveWay(Math.min(MOST_SHARE, Math.max(1, (total - length) / Math.max(1, length))), signal);
  }

  async #giveWay(share: number, signal: AbortSignal): Promise<void> {
    const runtime = this.#runtime;
    const { cautious } = runtime.fullLoads;
    const slowMs = await askIfBusy(runtime, signal);
    const { isFree } = cautious;
    // Only this process or the line was slow, unless other mirrors wait for the server.
    if (slowMs === undefined && isFree) return;
    this.#hasWaited = true;
    this.#giveBack = await takeTurn(runtime, cautious, signal);
    // A read that was given up meanwhile has given back nothing.
    if (this.#isOver) this.#giveBack();
    await awaitQuick(runtime, share, signal, isFree ? slowMs : undefined);
  }

  #overtaken(cause: StoreError): StoreError {
    const range = this.#runtime.settings.range.toString();
    const text = `history was compacted while the mirror of ${range} waited for a busy server; reading it again`;
    return new StoreError('unavailable', text, { cause });
  }
}
