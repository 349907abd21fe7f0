import {
  isStoreError,
  type Bookmark,
  type ConfigStore,
  type Range,
  type StoreError,
  type Watch,
  type WatchBatch,
  type WatchEvent,
  type WatchOptions,
  type WatchState,
} from '@holdfast/store';
import { decodeUtf8 } from '@holdfast/store/adapter';
import { eventually } from '@holdfast/testkit';

/** A consumer that keeps up, and checks what C10 promises. */
export class Follower {
  readonly watch: Watch;
  readonly batches: WatchBatch[] = [];
  readonly states: WatchState[] = [];
  readonly entries = new Map<string, string>();
  error: StoreError | undefined;
  #over = false;
  #held: Promise<void> | undefined;
  #release: (() => void) | undefined;

  constructor(watch: Watch) {
    this.watch = watch;
    watch.onState((state) => this.states.push(state));
    void this.#consume();
  }

  /** Waits for the end of the iteration, with or without an error. */
  async ended(timeoutMs = 20_000): Promise<StoreError | undefined> {
    await eventually(() => this.#over, { timeoutMs });
    return this.error;
  }

  /** Takes nothing more until `release`. */
  hold(): void {
    this.#held = new Promise((resolve) => (this.#release = resolve));
  }

  release(): void {
    this.#release?.();
    this.#held = undefined;
  }

  /** Whether the iteration has ended. */
  get isOver(): boolean {
    return this.#over;
  }

  get events(): WatchEvent[] {
    return this.batches.flatMap(({ events }) => [...events]);
  }

  /** The batches without those of progress, which a server may tell at any time. */
  get eventBatches(): WatchBatch[] {
    return this.batches.filter(({ kind }) => kind === 'events');
  }

  /** The events in short. */
  get told(): string[] {
    return this.events.map(briefly);
  }

  async until(count: number, timeoutMs = 20_000): Promise<WatchEvent[]> {
    await eventually(() => this.#over || this.events.length >= count, { timeoutMs });
    if (this.events.length < count) {
      throw new Error(`the watch ended after ${this.events.length} events`, { cause: this.error });
    }
    return this.events;
  }

  async status(status: WatchState['status'], timeoutMs = 20_000): Promise<void> {
    await eventually(() => this.watch.state.status === status, { timeoutMs });
  }

  get statuses(): WatchState['status'][] {
    return this.states.map(({ status }) => status);
  }

  get revisions(): number[] {
    return this.eventBatches.map(({ bookmark }) => bookmark.revision);
  }

  get bookmark(): Bookmark | undefined {
    return this.batches.at(-1)?.bookmark;
  }

  get interruptions(): number {
    return this.statuses.filter((status) => status === 'interrupted').length;
  }

  get keys(): string[] {
    return this.events.map((event) => (event.type === 'put' ? event.current.key : 'key' in event ? event.key : '?'));
  }

  /** Ordered, unique, atomic: whatever happened. */
  check(): void {
    let last = 0;
    for (const { kind, bookmark, events } of this.batches) {
      const ordered = kind === 'events' ? bookmark.revision > last : bookmark.revision >= last;
      if (!ordered) throw new Error(`a batch at revision ${bookmark.revision} came after one at ${last}`);
      last = bookmark.revision;
      const stray = events.find((event) => event.revision !== bookmark.revision);
      if (stray !== undefined) throw new Error(`an event of ${stray.revision} is in a batch at ${bookmark.revision}`);
    }
  }

  /** Until this watch's own picture equals what the store holds. */
  async equals(truth: () => Promise<Map<string, string>>, timeoutMs = 20_000): Promise<void> {
    await eventually(
      async () => {
        if (this.error !== undefined) throw this.error;
        const [expected, actual] = [await truth(), this.entries];
        const wrong = [...expected].find(([key, value]) => actual.get(key) !== value);
        if (wrong !== undefined) throw new Error(`${wrong[0]} is ${actual.get(wrong[0])} instead of ${wrong[1]}`);
        if (actual.size !== expected.size) throw new Error(`${actual.size} entries instead of ${expected.size}`);
      },
      { timeoutMs },
    );
  }

  async #consume(): Promise<void> {
    try {
      for await (const batch of this.watch) {
        await this.#held;
        this.batches.push(batch);
        for (const event of batch.events) {
          if (event.type === 'put') this.entries.set(event.current.key, decodeUtf8(event.current.value) ?? '?');
          else if (event.type === 'delete') this.entries.delete(event.key);
        }
      }
    } catch (error) {
      if (!isStoreError(error)) throw error;
      this.error = error;
    }
    this.#over = true;
  }
}

/** A watch that is established. */
export async function follow(store: ConfigStore, range: Range, options?: WatchOptions): Promise<Follower> {
  const follower = new Follower(store.watch(range, options));
  await follower.watch.ready;
  return follower;
}

export function briefly(event: WatchEvent): string {
  switch (event.type) {
    case 'put':
      return `put ${event.current.key}=${Buffer.from(event.current.value).toString()}`;
    case 'delete':
      return `delete ${event.key}`;
    case 'delete-range':
      return `delete-range ${JSON.stringify(event.range)}`;
  }
}
