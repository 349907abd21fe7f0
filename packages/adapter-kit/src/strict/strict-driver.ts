import { StoreError, type Bookmark, type WatchBatch } from '@holdfast/store';
import type { AnyDriver, DriverWatch, DriverWatchOptions, KeyRange, WatchSink } from '@holdfast/store/adapter';

export interface StrictDriverOptions {
  /** Called with each mistake, beside the watch that ends with it. By default, the call to the sink throws it. */
  readonly onMistake?: (error: StoreError) => void;
}

/**
 * The same driver, for tests of an adapter: a watch that breaks a rule of {@link WatchSink} ends with an error that names the rule. A store
 * can't tell such mistakes from what a backend does: they show as events that are lost or told twice, now and then.
 */
export function strictDriver<D extends AnyDriver>(driver: D, options: StrictDriverOptions = {}): D {
  const watch = (range: KeyRange, watchOptions: DriverWatchOptions, sink: WatchSink): DriverWatch => {
    const strict = new StrictSink(driver.name, watchOptions.after?.identity, sink, options.onMistake);
    return strict.began(driver.watch(range, watchOptions, strict.sink));
  };
  return new Proxy(driver, {
    get(target, name) {
      if (name === 'watch') return watch;
      const value: unknown = Reflect.get(target, name, target);
      // Bound to what it is a method of: private fields don't go through a proxy.
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

type Status = 'starting' | 'following' | 'full' | 'failed' | 'closed';

/** What a driver may tell, by where its watch is. */
class StrictSink {
  readonly sink: WatchSink;
  readonly #driver: string;
  readonly #inner: WatchSink;
  readonly #onMistake: ((error: StoreError) => void) | undefined;
  #status: Status = 'starting';
  #established = false;
  /** The history that the watch follows. Unknown before the first bookmark of a watch that begins now. */
  #identity: string | undefined;
  #last: Bookmark | undefined;

  constructor(
    driver: string,
    identity: string | undefined,
    inner: WatchSink,
    onMistake: ((error: StoreError) => void) | undefined,
  ) {
    this.#driver = driver;
    this.#identity = identity;
    this.#inner = inner;
    this.#onMistake = onMistake;
    this.sink = {
      established: (after, head) => {
        if (!this.#may('established') || !this.#isOfHistory('established', after)) return;
        this.#established = true;
        this.#last ??= after;
        inner.established(after, head);
      },
      interrupted: (cause) => {
        if (!this.#may('interrupted')) return;
        this.#established = false;
        inner.interrupted(cause);
      },
      push: (batch, bytes) => this.#push(batch, bytes),
      fail: (error) => {
        if (!this.#may('fail')) return;
        this.#status = 'failed';
        inner.fail(error);
      },
    };
  }

  began(watch: DriverWatch): DriverWatch {
    if (this.#status === 'starting') this.#status = 'following';
    return {
      resume: () => {
        if (this.#status === 'full') this.#status = 'following';
        watch.resume();
      },
      close: () => {
        // A store closes a watch that has failed.
        if (this.#status !== 'failed') this.#status = 'closed';
        return watch.close();
      },
    };
  }

  #push(batch: WatchBatch, bytes: number): 'ok' | 'full' {
    if (!this.#may('push') || !this.#mayPush(batch)) return 'full';
    this.#last = batch.bookmark;
    const answer = this.#inner.push(batch, bytes);
    if (answer === 'full' && this.#status === 'following') this.#status = 'full';
    return answer;
  }

  #isOfHistory(call: 'established' | 'pushed', { identity }: Bookmark): boolean {
    this.#identity ??= identity;
    if (identity === this.#identity) return true;
    return this.#mistake(
      `${call} a bookmark of history ${identity} in a watch of history ${this.#identity}: fail with history-changed`,
    );
  }

  #mayPush({ bookmark, events }: WatchBatch): boolean {
    const last = this.#last?.revision ?? 0;
    if (this.#status === 'full') {
      return this.#mistake(
        "pushed after full: after push() returns 'full', push nothing until resume(), then follow from the last pushed bookmark",
      );
    }
    if (!this.#established)
      return this.#mistake(
        'pushed before established: call established() with the bookmark that the watch follows from, also after each interrupted()',
      );
    if (!this.#isOfHistory('pushed', bookmark)) return false;
    if (bookmark.revision < last) {
      return this.#mistake(`pushed a bookmark that fell from ${last} to ${bookmark.revision}: a bookmark never falls`);
    }
    const early = events.find(({ revision }) => revision <= last);
    if (early !== undefined) {
      return this.#mistake(
        `pushed an event of revision ${early.revision} after the bookmark ${last}: push all events of a revision in one batch, each once, in order`,
      );
    }
    const late = events.find(({ revision }) => revision > bookmark.revision);
    if (late !== undefined) {
      return this.#mistake(
        `pushed an event of revision ${late.revision} in a batch with the bookmark ${bookmark.revision}: a bookmark covers its batch`,
      );
    }
    return true;
  }

  #may(call: keyof WatchSink): boolean {
    switch (this.#status) {
      case 'starting':
        return this.#mistake(
          `called before watch() returned (${call}): begin in a later turn, such as with inNextTurn()`,
        );
      case 'failed':
        return this.#mistake(`told after fail (${call}): a watch that has failed is over`);
      case 'closed':
        return this.#mistake(`told after close (${call}): after close() was called, tell nothing more`);
      case 'following':
      case 'full':
        return true;
      default:
        return this.#status satisfies never;
    }
  }

  #mistake(what: string): false {
    const error = new StoreError('internal', `the ${this.#driver} driver has a mistake in its watch: ${what}`);
    if (this.#status !== 'closed' && this.#status !== 'failed') {
      this.#status = 'failed';
      this.#inner.fail(error);
    }
    if (this.#onMistake === undefined) throw error;
    this.#onMistake(error);
    return false;
  }
}
