import { StoreError } from '@holdfast/store';
import { addAbortListener, removeAbortListener } from '@holdfast/store/adapter';
import { type AnyChange, type ChangeEvent, NetChanges } from './change.js';

/**
 * The changes of a mirror for one consumer that takes its time: what comes while it is busy is added up to the net changes,
 * so at most one change a key is kept. Ends when the mirror closes, and with an `aborted` error after its signal.
 */
export class ChangeStream<C extends AnyChange> implements AsyncIterableIterator<ChangeEvent<C>> {
  readonly #pending = new NetChanges<C>();
  readonly #onEnd: () => void;
  readonly #waiting: {
    readonly resolve: (result: IteratorResult<ChangeEvent<C>, undefined>) => void;
    readonly reject: (error: unknown) => void;
  }[] = [];
  #ended: { readonly error?: StoreError } | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => {
    this.#end({ error: aborted(this.#signal) });
  };

  constructor(signal: AbortSignal | undefined, onEnd: () => void) {
    this.#signal = signal;
    this.#onEnd = onEnd;
    if (signal?.aborted === true) this.#ended = { error: aborted(signal) };
    else addAbortListener(signal, this.#abort);
  }

  push(event: ChangeEvent<C>): void {
    if (this.#ended !== undefined) return;
    this.#pending.add(event);
    const [waiter] = this.#waiting;
    if (waiter === undefined) return;
    const value = this.#pending.take();
    if (value === undefined) return;
    this.#waiting.shift();
    waiter.resolve({ done: false, value });
  }

  /** The mirror closed: what is pending is still delivered. */
  end(): void {
    this.#end({});
  }

  next(): Promise<IteratorResult<ChangeEvent<C>, undefined>> {
    if (this.#ended?.error !== undefined) return Promise.reject(this.#ended.error);
    const value = this.#pending.take();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#ended !== undefined) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<ChangeEvent<C>, undefined>> {
    this.#pending.take();
    this.#end({});
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(how: { readonly error?: StoreError }): void {
    if (this.#ended !== undefined) return;
    this.#ended = how;
    removeAbortListener(this.#signal, this.#abort);
    this.#onEnd();
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      if (how.error === undefined) resolve({ done: true, value: undefined });
      else reject(how.error);
    }
  }
}

function aborted(signal: AbortSignal | undefined): StoreError {
  return new StoreError('aborted', 'the iteration over changes was aborted', { cause: signal?.reason });
}
