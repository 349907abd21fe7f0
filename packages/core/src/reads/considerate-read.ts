import type { Page } from '@holdfast/store';
import type { Deadline } from '@holdfast/store/adapter';
import type { Runtime } from '../runtime/runtime.js';
import { stopwatch } from '../util/stopwatch.js';
import { awaitQuick } from './await-quick.js';

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
  #giveBack: () => void = () => undefined;

  /** To be made right before the read begins. */
  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#passed = stopwatch(runtime.settings.clock);
  }

  /** To be called, and waited for, with each page when it has come. */
  async came({ more, total, length }: Page, deadline: Deadline): Promise<void> {
    if (!this.#isFirst) return;
    this.#isFirst = false;
    const { fullLoads } = this.#runtime;
    if (!more || !fullLoads.isSlow(this.#passed())) return;
    deadline.suspend();
    this.#giveBack = await fullLoads.cautious.take(deadline.signal);
    const share = Math.min(MOST_SHARE, Math.max(1, (total - length) / Math.max(1, length)));
    await awaitQuick(this.#runtime, share, deadline.signal);
    deadline.extend();
  }

  /** To be called when the read is over. */
  end(): void {
    this.#giveBack();
  }
}
