import { isStoreError, type Bookmark, type StoreError, type Watch, type WatchBatch } from '@holdfast/store';

export type FollowerEnd =
  { readonly kind: 'open' } | { readonly kind: 'closed' } | { readonly kind: 'failed'; readonly error: unknown };

/** Reads a watch, and keeps everything that it tells. */
export class Follower {
  readonly batches: WatchBatch[] = [];
  readonly #watch: Watch;
  readonly #reading: Promise<void>;
  readonly #ready: Promise<Bookmark | StoreError>;
  #established: Bookmark | undefined;
  #end: FollowerEnd = { kind: 'open' };
  #proceed: () => void = () => undefined;
  #gate: Promise<void> | undefined;

  /** @param patient reads nothing before `proceed()` */
  constructor(watch: Watch, patient: boolean) {
    this.#watch = watch;
    this.#ready = watch.ready.then(
      (bookmark) => (this.#established = bookmark),
      (error: unknown) => error as StoreError,
    );
    if (patient) this.wait();
    this.#reading = this.#read();
  }

  get end(): FollowerEnd {
    return this.#end;
  }

  /** The bookmark that the watch was established with, or why it was not. */
  get ready(): Promise<Bookmark | StoreError> {
    return this.#ready;
  }

  /** The bookmark that the watch was established with; `undefined` if it was not. */
  get established(): Bookmark | undefined {
    return this.#established;
  }

  /** The revision up to which everything was told. */
  get reached(): number | undefined {
    return (this.batches.at(-1)?.bookmark ?? this.#established)?.revision;
  }

  /** The revision of the last event. */
  get lastRevision(): number | undefined {
    return this.batches.flatMap(({ events, undecodable }) => [...events, ...undecodable]).at(-1)?.revision;
  }

  /** From now on nothing more is read, until `proceed()`. */
  wait(): void {
    this.#gate ??= new Promise((resolve) => (this.#proceed = resolve));
  }

  proceed(): void {
    this.#gate = undefined;
    this.#proceed();
  }

  async close(): Promise<void> {
    this.proceed();
    await this.#watch.close();
    await this.#reading;
  }

  async #read(): Promise<void> {
    try {
      await this.#gate;
      for await (const batch of this.#watch) {
        this.batches.push(batch);
        await this.#gate;
      }
      this.#end = { kind: 'closed' };
    } catch (error) {
      this.#end = { kind: 'failed', error };
    }
  }
}

/** What breaks the promises of batches themselves, whatever they tell; `undefined` if nothing does. */
export function brokenBatch(batches: readonly WatchBatch[], ready: Bookmark | StoreError): string | undefined {
  let last = isStoreError(ready) ? 0 : ready.revision;
  for (const { kind, bookmark, events, undecodable } of batches) {
    const revisions = [...events, ...undecodable].map(({ revision }) => revision);
    // Progress may be told again: it shows that the watch is alive.
    if (bookmark.revision < last || (kind === 'events' && bookmark.revision === last))
      return `a batch at ${bookmark.revision} follows one at ${last}`;
    const stray = revisions.find((revision) => revision <= last || revision > bookmark.revision);
    if (stray !== undefined) return `a batch from ${last} to ${bookmark.revision} has an event of ${stray}`;
    if (events.some(({ revision }, i) => revision < (events[i - 1]?.revision ?? 0))) return 'events are out of order';
    if ((kind === 'events') !== revisions.length > 0) return `a batch of ${kind} has ${revisions.length} events`;
    last = bookmark.revision;
  }
  return undefined;
}
