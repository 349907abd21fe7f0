import { type ConfigStore, isStoreError } from '@holdfast/store';
import type { Random } from '@holdfast/testkit';

/** What a key holds by what its writer was told: its number there, or that it was deleted. Each write and each deletion takes a number. */
export interface Told {
  readonly number: number;
  readonly exists: boolean;
  /** The write after it, whose outcome nobody knows. */
  readonly perhaps?: { readonly number: number; readonly exists: boolean } | undefined;
}

/** The number in a value that {@link valueOf} made. */
export function numberIn(value: string): number {
  return Number(/#(\d+)/.exec(value)?.[1] ?? -1);
}

export function valueOf(key: string, number: number): string {
  return `${key} #${number} ${'.'.repeat(40)}`;
}

/** Writes and deletes keys that nobody else writes, one after another, and notes what it was told. */
export class Writer {
  readonly told = new Map<string, Told>();
  /** How many writes were acknowledged. */
  acknowledged = 0;
  readonly #keys: readonly string[];
  readonly #random: Random;
  #isStopped = false;
  #isFenced = false;
  #running: Promise<void> = Promise.resolve();

  constructor(keys: readonly string[], random: Random) {
    this.#keys = keys;
    this.#random = random;
    for (const key of keys) this.told.set(key, { number: 0, exists: true });
  }

  /** Whether a fence has refused a write. */
  get isFenced(): boolean {
    return this.#isFenced;
  }

  /** Writes until it is stopped, or a fence refuses it, with pauses of up to `pauseMs`. */
  start(store: ConfigStore, pauseMs: number): void {
    this.#isStopped = false;
    this.#isFenced = false;
    this.#running = (async () => {
      while (!this.#isStopped && !this.#isFenced) {
        await this.#write(store);
        await new Promise((done) => setTimeout(done, this.#random.between(0, pauseMs)));
      }
    })();
    // Whoever stops it is told.
    this.#running.catch(() => undefined);
  }

  /** Resolves when it has ended. Rejects with what a write failed with, other than at a fence. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async untilFenced(): Promise<void> {
    await this.#running;
  }

  async #write(store: ConfigStore): Promise<void> {
    const key = this.#keys[this.#random.below(this.#keys.length)] ?? '';
    const before = this.told.get(key) ?? { number: 0, exists: false };
    const number = before.number + 1;
    const exists = !before.exists || this.#random.chance(0.8);
    // Until the answer has come, both may be.
    this.told.set(key, { ...before, perhaps: { number, exists } });
    try {
      if (exists) await store.put(key, valueOf(key, number));
      else await store.delete({ key });
    } catch (error) {
      if (!isStoreError(error, 'conflict')) throw error;
      this.told.set(key, before);
      this.#isFenced = true;
      return;
    }
    this.told.set(key, { number, exists });
    this.acknowledged += 1;
  }
}
