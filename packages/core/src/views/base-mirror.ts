import { type Bookmark, type Revision, StoreError } from '@holdfast/store';
import { holdDuring } from '@holdfast/store/adapter';
import type { AnyChange, ChangeEvent } from '../events/change.js';
import type { ChangeFeed, ChangeListener, ChangesOptions, SubscribeOptions } from '../events/change-feed.js';
import type { Runtime } from '../runtime/runtime.js';
import type { MirrorEvents, OtherEvents } from '../events/mirror-events.js';
import { healthOf, type HealthOptions, type MirrorHealth } from './health.js';
import type { Problem } from '../events/problem.js';
import type { MirrorState } from '../events/state.js';
import { sync, waitFor, type WaitOptions } from '../proof/sync.js';

// Which arguments go with which name is settled by the signatures; inside it is one list of functions.
type Listener = (...args: readonly unknown[]) => unknown;

/** @internal */
export interface MirrorParts {
  readonly runtime: Runtime;
  /** Resolves when the last task of the mirror has ended. */
  readonly done: Promise<void>;
}

/** What every mirror has beside its entries: where it stands, what is wrong, and how to wait for it. */
export abstract class BaseMirror<C extends AnyChange> implements AsyncDisposable {
  readonly #runtime: Runtime;
  readonly #feed: ChangeFeed<C>;
  readonly #done: Promise<void>;

  /** @internal */
  constructor({ runtime, done }: MirrorParts) {
    this.#runtime = runtime;
    this.#feed = runtime.outlets.changes as unknown as ChangeFeed<C>;
    this.#done = done;
  }

  /** The option `name`: its prefix or key by default. */
  get name(): string {
    return this.#runtime.settings.name;
  }

  /** What the mirror reflects: everything up to this revision of this history. */
  get bookmark(): Bookmark {
    const { bookmark } = this.#runtime.table;
    if (bookmark === undefined) throw new StoreError('internal', 'the mirror has not loaded');
    return bookmark;
  }

  get revision(): Revision {
    return this.bookmark.revision;
  }

  /** Moves when what the mirror shows has changed, and only then: what a cache of something derived is keyed by. */
  get version(): number {
    return this.#runtime.table.version;
  }

  get state(): MirrorState {
    this.#runtime.freshness.notice();
    return this.#runtime.state.current;
  }

  /** The mirror is complete as of then, in milliseconds since the epoch: everything committed before is in it. */
  get asOf(): number {
    return this.#runtime.freshness.asOf ?? 0;
  }

  /** Since when the mirror is not `live`, in milliseconds since the epoch; `undefined` while it is. */
  get staleSince(): number | undefined {
    const { status, since } = this.state;
    return status === 'live' ? undefined : since;
  }

  /**
   * How the mirror is, as plain data for a readiness probe. It stays `ready` without the store; give `maxStaleMs` to end that.
   *
   * @throws StoreError `invalid-argument`
   */
  health(options?: HealthOptions): MirrorHealth {
    return healthOf(this.#runtime, this.bookmark, options);
  }

  /** The keys that can't be shown as they are in the store, until they are fixed or deleted. */
  problems(): readonly Problem[] {
    return [...this.#runtime.table.problems()];
  }

  /**
   * Resolves when the mirror reflects a revision, such as that of a write.
   *
   * @throws StoreError `timeout` (with the last failure as its cause), `aborted`, `closed`, `invalid-argument`
   */
  waitFor(revision: Revision | number, options?: WaitOptions): Promise<void> {
    return waitFor(this.#runtime, revision, options);
  }

  /**
   * Resolves when everything that was committed before the call is visible in the mirror.
   *
   * @throws StoreError `timeout` (with the last failure as its cause), `aborted`, `closed`
   */
  sync(options?: WaitOptions): Promise<void> {
    return sync(this.#runtime, options);
  }

  /** Calls `listener` on every such event. What it throws goes to the logger, and disturbs nobody. */
  on<Name extends keyof MirrorEvents<C>>(name: Name, listener: (...args: MirrorEvents<C>[Name]) => unknown): this {
    if (name === 'change') this.#feed.on(listener as Listener);
    else this.#runtime.outlets.events.on(other(name), listener as Listener);
    return this;
  }

  /** Calls `listener` on the next such event only. */
  once<Name extends keyof MirrorEvents<C>>(name: Name, listener: (...args: MirrorEvents<C>[Name]) => unknown): this {
    if (name === 'change') this.#feed.once(listener as Listener);
    else this.#runtime.outlets.events.once(other(name), listener as Listener);
    return this;
  }

  off<Name extends keyof MirrorEvents<C>>(name: Name, listener: (...args: MirrorEvents<C>[Name]) => unknown): this {
    if (name === 'change') this.#feed.off(listener as Listener);
    else this.#runtime.outlets.events.off(other(name), listener as Listener);
    return this;
  }

  /** Like `on('change')`, and can begin with what is there, without a gap. Returns the unsubscribe. */
  subscribe(listener: ChangeListener<C>, options?: SubscribeOptions): () => void {
    return this.#feed.subscribe(listener, options);
  }

  /** The changes from now on, one event a step, or the net changes of several where the consumer is slower than they come. */
  changes(options?: ChangesOptions): AsyncIterableIterator<ChangeEvent<C>> {
    return this.#feed.changes(options);
  }

  /** Stops following. Resolves when no timer, watch or read is left. What the mirror shows stays readable. Idempotent. */
  async close(): Promise<void> {
    this.#runtime.close();
    await holdDuring(this.#done);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function other(name: string): keyof OtherEvents {
  if (name === 'state' || name === 'invalid' || name === 'resync') return name;
  throw new TypeError(`a mirror has no event '${name}'; there are 'change', 'state', 'invalid' and 'resync'`);
}
