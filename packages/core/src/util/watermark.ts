import { addAbortListener, removeAbortListener } from '@holdfast/store/adapter';

/** A number that others wait for: a revision reached, a proof given. */
export class Watermark {
  #value = 0;
  readonly #waiters = new Set<{ readonly target: number; readonly resolve: () => void }>();

  get value(): number {
    return this.#value;
  }

  set(value: number): void {
    this.#value = value;
    // It moves with each event, and hardly ever has anyone wait.
    if (this.#waiters.size === 0) return;
    for (const waiter of this.#waiters) {
      if (waiter.target > value) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  /** Resolves once the value is at least `target`; rejects with the signal's reason. */
  until(target: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#value >= target) {
        resolve();
        return;
      }
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = () => {
        this.#waiters.delete(waiter);
        reject(signal.reason as Error);
      };
      const waiter = {
        target,
        resolve: () => {
          removeAbortListener(signal, onAbort);
          resolve();
        },
      };
      this.#waiters.add(waiter);
      addAbortListener(signal, onAbort);
    });
  }
}
