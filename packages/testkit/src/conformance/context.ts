import { isStoreError, type Capabilities, type ConfigStore, type Range, type WatchOptions } from '@holdfast/store';
import { patience } from '../clock/patience.js';
import { realTimers } from '../clock/real-timers.js';
import type { BackendHooks, ConformanceBackend, Link, OpenOptions } from './backend.js';
import { ConformanceFailure, fail } from './expect.js';
import { writingOutside } from './outside-writes.js';
import { inTime } from './patience.js';
import { isSimulated } from './simulated-link.js';
import { sleep } from './sleep.js';
import { WatchReader } from './watch-reader.js';

/** A case gets a fresh handle, and a key prefix of its own with nothing below it. */
export class ConformanceContext {
  readonly store: ConfigStore;
  /** The handle itself. It differs from `store` where a store can only be read: there `store` writes past it. */
  readonly handle: ConfigStore;
  /** Ends with a `/`, and is a path, so that every key syntax takes it. */
  readonly prefix: string;
  readonly patienceMs: number;
  readonly #backend: ConformanceBackend;
  readonly #owned: AsyncDisposable[] = [];
  #simulated = false;
  #isOver = false;

  private constructor(backend: ConformanceBackend, store: ConfigStore, prefix: string) {
    this.#backend = backend;
    this.handle = store;
    this.store = this.#writable(store);
    this.prefix = prefix;
    this.patienceMs = (backend.patienceMs ?? DEFAULT_PATIENCE_MS) * patience();
    this.#owned.push(store);
  }

  static async open(backend: ConformanceBackend): Promise<ConformanceContext> {
    return new ConformanceContext(backend, await backend.open(), nextPrefix());
  }

  get capabilities(): Capabilities {
    return this.store.capabilities;
  }

  /** How many keys make several pages of a scan. */
  get scanKeys(): number {
    return this.#backend.scanKeys ?? DEFAULT_SCAN_KEYS;
  }

  /** How many revisions make a backlog that comes in parts. */
  get backlogRevisions(): number {
    return this.#backend.backlogRevisions ?? DEFAULT_BACKLOG_REVISIONS;
  }

  /** The range of everything that the case may write. */
  get all(): Range {
    return { prefix: this.prefix };
  }

  /** The full key of a name under the case's prefix. A property, so that cases can take the context apart. */
  readonly key = (name: string): string => this.prefix + name;

  /** Another handle on the same data, closed after the case. */
  async connect(options?: OpenOptions): Promise<ConfigStore> {
    return this.#writable(this.adopt(await this.#backend.open(options)));
  }

  /** Begins a watch, through this handle or another one. It is closed after the case. */
  watch(range: Range = this.all, options?: WatchOptions, store: ConfigStore = this.store): WatchReader {
    return new WatchReader(this.adopt(store.watch(range, options)), this.patienceMs);
  }

  /** Begins a watch, and waits until it is established. */
  async follow(range: Range = this.all, options?: WatchOptions, store?: ConfigStore): Promise<WatchReader> {
    const reader = this.watch(range, options, store);
    await reader.ready();
    return reader;
  }

  /** A hook of the binding. A case that uses one lists it in `needs`. */
  hook<Name extends keyof BackendHooks>(name: Name): NonNullable<BackendHooks[Name]> {
    const hook = this.#backend.hooks[name] ?? fail(`the case uses hook ${name} without listing it in "needs"`);
    if (name !== 'disturbed' && name !== 'unreachable') return hook;
    const noting = async (options?: OpenOptions): Promise<{ store: ConfigStore; link?: Link }> => {
      const made = await (hook as (given?: OpenOptions) => Promise<{ store: ConfigStore; link?: Link }>)(options);
      this.#simulated ||= isSimulated(made.store) || (made.link !== undefined && isSimulated(made.link));
      return made;
    };
    return noting as NonNullable<BackendHooks[Name]>;
  }

  /** Whether the case was held over a simulated link, and not over one of the backend's own. */
  get simulated(): boolean {
    return this.#simulated;
  }

  /** Lets time pass for leases and time-outs. */
  async passTime(ms: number): Promise<void> {
    if (this.#backend.hooks.passTime === undefined) await sleep(ms);
    else await this.#backend.hooks.passTime(ms);
    // A clock that is moved at once leaves what a store does on sockets, on files and in other turns no time at all. So each wait ends
    // in a later turn, whatever the hook does.
    await sleep(1);
  }

  /** Waits until the condition holds. Time passes on the backend's clock meanwhile. */
  async eventually(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
    const deadline = realTimers.now() + this.patienceMs;
    while (!(await condition())) {
      if (realTimers.now() > deadline) fail(`waited ${this.patienceMs} ms for ${what}`);
      await this.passTime(100);
    }
  }

  /** The promise's result. The case fails if the promise takes longer than its patience. */
  async inTime<T>(promise: PromiseLike<T>, what: string): Promise<T> {
    return inTime(promise, this.patienceMs, () => `waited ${this.patienceMs} ms for ${what}`);
  }

  /** Of a store that can only be read, one whose writes are made past it. */
  #writable(store: ConfigStore): ConfigStore {
    const { writeOutside } = this.#backend.hooks;
    if (store.capabilities.writes !== false || writeOutside === undefined) return store;
    return writingOutside(store, {
      write: writeOutside,
      until: (what, condition) => this.eventually(what, condition),
      isOver: () => this.#isOver,
    });
  }

  /** Closes this with the case. */
  adopt<T extends AsyncDisposable>(resource: T): T {
    this.#owned.push(resource);
    return resource;
  }

  /** Deletes what the case has written. Only the case itself is judged: a store that can't delete is found by others. */
  async cleanUp(): Promise<void> {
    this.#isOver = true;
    try {
      await this.inTime(this.#cleanUp(), 'the keys of the case to be deleted');
    } catch (error) {
      if (!isStoreError(error) && !(error instanceof ConformanceFailure)) throw error;
    }
  }

  async #cleanUp(): Promise<void> {
    const { all } = this;
    const count = async (store: ConfigStore) => (await store.list(all, { countOnly: true })).count;
    let store = this.handle;
    const left = await count(store).catch(async (error: unknown) => {
      if (!isStoreError(error, 'closed')) throw error;
      return count((store = await this.connect()));
    });
    if (left === 0) return;
    if (store.capabilities.writes !== false) {
      await store.delete(all);
      return;
    }
    const { items } = await store.list(all);
    for (const { key } of items) await this.#backend.hooks.writeOutside?.(key, undefined);
    // Until they are gone, the next case would see them go.
    await this.eventually('the keys of the case to be gone', async () => (await store.list(all)).items.length === 0);
  }

  /** Closes everything that the case opened, newest first. */
  async close(): Promise<void> {
    for (const resource of this.#owned.reverse()) {
      try {
        await resource[Symbol.asyncDispose]();
      } catch (error) {
        // An error that the case provoked may come up here again. The case has been judged already.
        if (!isStoreError(error)) throw error;
      }
    }
  }
}

const DEFAULT_PATIENCE_MS = 10_000;
// More than the first page of an adapter should hold.
const DEFAULT_SCAN_KEYS = 12_000;
// More than etcd sends in one response, twice over.
const DEFAULT_BACKLOG_REVISIONS = 2_300;

// One run of the process never uses a prefix twice, and two runs against one server don't meet.
const RUN = `${Date.now().toString(36)}${Math.floor(Math.random() * 46_656).toString(36)}`;
let cases = 0;

function nextPrefix(): string {
  cases += 1;
  return `/conformance/${RUN}/${cases}/`;
}
