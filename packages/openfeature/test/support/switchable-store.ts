import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { type ConfigStore, type Page, StoreError } from '@holdfast/store';
import { createStore, DelegatingDriver } from '@holdfast/store/adapter';
import { virtualClock, type VirtualClock } from '@holdfast/testkit';

/** A store whose server can be taken away, on a clock that a test moves. */
export class SwitchableStore {
  readonly clock: VirtualClock = virtualClock();
  /** The server: what is written here is in the store. */
  readonly data: MemoryStore = memoryStore({ clock: this.clock });
  readonly store: ConfigStore = createStore(new SwitchableDriver(this.data, () => this.#isAway));
  #isAway = false;
  #reconnect: () => void = () => undefined;

  takeAway(): void {
    this.#isAway = true;
    this.#reconnect = this.data.interrupt();
  }

  bringBack(): void {
    this.#isAway = false;
    this.#reconnect();
  }

  /** Moves the clock by small steps until a condition holds. */
  async until(condition: () => boolean, withinMs = 300_000): Promise<void> {
    for (let waited = 0; waited < withinMs && !condition(); waited += 100) await this.clock.advance(100);
    if (!condition()) throw new Error(`not within ${withinMs} ms`);
  }

  async close(): Promise<void> {
    await this.store.close();
    await this.data.close();
  }
}

class SwitchableDriver extends DelegatingDriver {
  readonly #isAway: () => boolean;

  constructor(data: ConfigStore, isAway: () => boolean) {
    super(data);
    this.#isAway = isAway;
  }

  override async *scan(...call: Parameters<DelegatingDriver['scan']>): AsyncIterable<Page> {
    this.#check();
    yield* super.scan(...call);
  }

  override list(...call: Parameters<DelegatingDriver['list']>): ReturnType<DelegatingDriver['list']> {
    this.#check();
    return super.list(...call);
  }

  #check(): void {
    if (this.#isAway()) throw new StoreError('unavailable', 'nothing answers');
  }
}
