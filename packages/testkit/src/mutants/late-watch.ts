import type { Bookmark, Watch, WatchBatch, WatchState } from '@holdfast/store';

/** A watch that is opened only after something was looked up: what mutants need that decide asynchronously. */
export class LateWatch implements Watch {
  readonly ready: Promise<Bookmark>;
  readonly #watch: Promise<Watch>;
  readonly #listeners = new Set<(state: WatchState) => void>();
  #state: WatchState = { status: 'connecting' };

  constructor(open: () => Promise<Watch>) {
    this.#watch = open();
    this.ready = this.#watch.then((watch) => watch.ready);
    this.ready.catch(() => undefined);
    this.#watch.then(
      (watch) => {
        if (watch.state.status !== 'connecting') this.#to(watch.state);
        watch.onState((state) => {
          this.#to(state);
        });
      },
      () => undefined,
    );
  }

  #to(state: WatchState): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener(state);
  }

  get state(): WatchState {
    return this.#state;
  }

  onState(listener: (state: WatchState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  [Symbol.asyncIterator](): AsyncIterator<WatchBatch> {
    const iterator = this.#watch.then((watch) => watch[Symbol.asyncIterator]());
    iterator.catch(() => undefined);
    return {
      next: async () => (await iterator).next(),
      return: async () => {
        await this.close();
        return { done: true, value: undefined };
      },
    };
  }

  async close(): Promise<void> {
    await this.#watch.then(
      (watch) => watch.close(),
      () => undefined,
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
