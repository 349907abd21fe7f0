import { isStoreError } from '@holdfast/store';
import type { Freshness } from '../checks/freshness.js';
import { type HostOptions, SYNC_TIMEOUT_MS } from '../mirrors/host-options.js';
import type { Observer } from '../checks/observer.js';

/** Whether a correct mirror may fail with this: it can't prevent it, or was told to end. */
export function isExpectedFailure(error: unknown): boolean {
  return isStoreError(error) && EXPECTED.includes(error.code);
}

const EXPECTED: readonly string[] = ['timeout', 'aborted', 'closed', 'permission-denied', 'unauthenticated'];

/** The application's calls that wait for a mirror's position. Each is checked when it has ended. */
export class MirrorCalls {
  readonly #options: HostOptions;
  readonly #observer: Observer;
  readonly #freshness: Freshness;
  syncs = 0;

  constructor(options: HostOptions, observer: Observer, freshness: Freshness) {
    this.#options = options;
    this.#observer = observer;
    this.#freshness = freshness;
  }

  /** M12: everything that was committed before the call is shown after it. */
  async sync(signal?: AbortSignal): Promise<'done' | 'failed'> {
    const observer = this.#observer;
    const { opened } = observer;
    if (opened === undefined || !observer.isOpen) return 'failed';
    const { truth, clock, name, violated, trace } = this.#options;
    const epoch = truth.current;
    const called = clock.now;
    const committed = this.#freshness.lastBy(called, epoch);
    try {
      await opened.mirror.sync(signal === undefined ? {} : { signal });
    } catch (error) {
      trace?.(`${name} sync() failed: ${String(error)}`);
      this.#checkFailure('sync()', error, clock.now - called);
      return 'failed';
    }
    trace?.(`${name} is in sync at ${opened.mirror.revision}`);
    this.syncs += 1;
    if (truth.current !== epoch || !observer.isOpen) return 'done';
    observer.look('after sync()');
    if (!observer.shows(epoch)) violated('sync', `${name} shows another history after sync()`);
    else if (committed?.epoch === epoch && opened.mirror.revision < committed.commit.revision)
      violated(
        'sync',
        `${name} is at ${opened.mirror.revision} after sync(), and ${committed.commit.revision} was committed before`,
      );
    return 'done';
  }

  async waitFor(): Promise<void> {
    const observer = this.#observer;
    const { opened } = observer;
    if (opened === undefined || !observer.isOpen) return;
    const { truth, clock, name, violated } = this.#options;
    const { head } = truth.current;
    const called = clock.now;
    try {
      await opened.mirror.waitFor(head);
      if (opened.mirror.revision < head && observer.isOpen && truth.epochs.length === 1)
        violated('sync', `${name} waited for ${head}, and is at ${opened.mirror.revision}`);
    } catch (error) {
      this.#checkFailure(`waitFor(${head})`, error, clock.now - called);
    }
  }

  #checkFailure(what: string, error: unknown, took: number): void {
    const { name, violated } = this.#options;
    if (!isExpectedFailure(error)) violated('sync', `${what} of ${name} failed with ${String(error)}`);
    if (took > SYNC_TIMEOUT_MS + 50) violated('sync', `${what} of ${name} took ${took} ms to time out`);
  }
}
