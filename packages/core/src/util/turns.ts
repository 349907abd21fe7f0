import { addAbortListener, removeAbortListener } from '@holdfast/store/adapter';

/** At most so many at a time, in the order of asking. */
export class Turns {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(most: number) {
    this.#free = most;
  }

  /** How many wait for their turn. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Resolves to what gives the turn back, which may be called more than once. Rejects with the signal's reason. */
  take(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = () => {
        this.#waiting.delete(begin);
        reject(signal.reason as Error);
      };
      const begin = () => {
        removeAbortListener(signal, onAbort);
        resolve(this.#giveBackOnce());
      };
      if (this.#free > 0) {
        this.#free -= 1;
        begin();
        return;
      }
      this.#waiting.add(begin);
      addAbortListener(signal, onAbort);
    });
  }

  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const giveBack = await this.take(signal);
    try {
      return await work();
    } finally {
      giveBack();
    }
  }

  #giveBackOnce(): () => void {
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      const [next] = this.#waiting;
      if (next === undefined) {
        this.#free += 1;
        return;
      }
      this.#waiting.delete(next);
      next();
    };
  }
}
