import { abortable } from '@holdfast/store/adapter';

/** Without a reason of its own, each abort would make an error with a stack. */
const LEFT = 'the iteration was left';

/**
 * An iteration that its receiver can leave at any time, as the store's watches. An async generator alone would wait in `return()` for a `next()` that is
 * under way, and that may take for ever.
 */
export class OpenIteration<T> implements AsyncGenerator<T, void, undefined> {
  readonly #left = new AbortController();
  readonly #items: AsyncGenerator<T, void, undefined>;

  /** @param items gives the items, until the signal aborts */
  constructor(items: (left: AbortSignal) => AsyncGenerator<T, void, undefined>) {
    this.#items = items(this.#left.signal);
  }

  async next(): Promise<IteratorResult<T, void>> {
    const { signal } = this.#left;
    if (signal.aborted) return { done: true, value: undefined };
    try {
      return await abortable(this.#items.next(), signal);
    } catch (error) {
      if (signal.aborted) return { done: true, value: undefined };
      throw error;
    }
  }

  return(): Promise<IteratorResult<T, void>> {
    this.#left.abort(LEFT);
    // Not awaited: a server that does not answer must not hold up who was waiting.
    this.#items.return().catch(() => undefined);
    return Promise.resolve({ done: true, value: undefined });
  }

  async throw(error: unknown): Promise<IteratorResult<T, void>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
