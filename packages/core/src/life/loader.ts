import { isStoreError } from '@holdfast/store';
import { loadWhileFollowing } from '../reads/followed-load.js';
import { load, type LoadOptions } from '../reads/load.js';
import type { OpenWatch } from '../reads/open-watch.js';
import { inTurn } from '../reads/take-turn.js';
import type { Runtime } from '../runtime/runtime.js';

/** How often a compaction may overtake the mirror before it no longer reads everything at one revision. */
const MOST_OVERTAKEN = 2;

/**
 * Reads everything, in a way that the pace of compactions leaves open. A scan at one revision is the cheapest; where history is
 * compacted again and again before the mirror has read it, or can follow on from it, that never ends.
 */
export class Loader {
  readonly #runtime: Runtime;
  #overtaken = 0;
  #watch: OpenWatch | undefined;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  async load(options: LoadOptions): Promise<void> {
    await this.close();
    if (this.#overtaken < MOST_OVERTAKEN) {
      try {
        await load(this.#runtime, options);
        return;
      } catch (error) {
        this.noteOvertaken(error);
        throw error;
      }
    }
    const { logger, range } = this.#runtime.settings;
    logger.info('history is compacted faster than it can be read; reading piece by piece behind an open watch', {
      range: range.toString(),
    });
    // Next it is the scan's turn again, where this fails too; and the next time that it is overtaken, once is enough.
    this.#overtaken = MOST_OVERTAKEN - 1;
    this.#watch = await inTurn(this.#runtime, options.signal, () => loadWhileFollowing(this.#runtime, options));
  }

  /** The watch that the last load has left open, for whoever follows on from it, and closes it. */
  takeWatch(): OpenWatch | undefined {
    const watch = this.#watch;
    this.#watch = undefined;
    return watch;
  }

  /** To be called with what ended a read, or a following before anything was proved by it. */
  noteOvertaken(error: unknown): void {
    if (isStoreError(error, 'compacted')) this.#overtaken += 1;
    // After a wait for a busy server it says less: but where that happens again and again, it must end too.
    else if (isStoreError(error, 'unavailable') && isStoreError(error.cause, 'compacted')) this.#overtaken += 1 / 2;
  }

  /** A watch that went on from a load at one revision has held. */
  noteHeld(): void {
    this.#overtaken = 0;
  }

  async close(): Promise<void> {
    await this.takeWatch()?.close();
  }
}
