import type { ConfigStore, Watch, WatchBatch } from '@holdfast/store';
import { decodeUtf8 } from '@holdfast/store/adapter';
import { numberIn } from './writer.js';

/** Sees everything that happens at the target: whether something is written twice or late, or comes back. */
export class TargetHistory {
  readonly violations: string[] = [];
  /** How many writes were seen. */
  writes = 0;
  readonly #watch: Watch;
  readonly #reading: Promise<void>;
  readonly #isLeased: (key: string) => boolean;
  readonly #highest = new Map<string, number>();

  private constructor(watch: Watch, isLeased: (key: string) => boolean) {
    this.#watch = watch;
    this.#isLeased = isLeased;
    this.#reading = (async () => {
      for await (const batch of watch) this.#see(batch);
    })();
  }

  /** @param isLeased keys that may be written again as they are: under another lease, or after theirs ran out while no mover ran */
  static async follow(target: ConfigStore, prefix: string, isLeased: (key: string) => boolean): Promise<TargetHistory> {
    const watch = target.watch({ prefix });
    await watch.ready;
    return new TargetHistory(watch, isLeased);
  }

  async close(): Promise<void> {
    await this.#watch.close();
    await this.#reading;
  }

  #see({ kind, events }: WatchBatch): void {
    if (kind !== 'events') return;
    for (const event of events) {
      if (event.type !== 'put') continue;
      this.writes += 1;
      const { key, value } = event.current;
      const number = numberIn(decodeUtf8(value) ?? '');
      const highest = this.#highest.get(key) ?? -1;
      if (number < highest || (number === highest && !this.#isLeased(key)))
        this.violations.push(`${key} was written with #${number} after #${highest}`);
      this.#highest.set(key, Math.max(highest, number));
    }
  }
}
