import {
  type Clock,
  type CreateStoreOptions,
  GuardedStore,
  type Revision,
  StoreError,
  isStoreError,
  systemClock,
} from '@holdfast/store';
import { Engine } from './engine/engine.js';
import { closed, invalidArgument } from './errors.js';
import { MemoryDriver } from './memory-driver.js';
import { EMPTY_SNAPSHOT, type MemorySnapshot, type RestoreOptions } from './engine/snapshot.js';

export interface MemoryStoreOptions extends CreateStoreOptions {
  /** By what time leases expire, and progress is told. The system's unless told. */
  readonly clock?: Clock | undefined;
  /** A number in [0, 1) for lease ids and identities, `Math.random` unless told. */
  readonly random?: (() => number) | undefined;
  /** The most bytes of keys and values in one request; 1.5 MiB unless told, as in etcd. */
  readonly maxRequestBytes?: number | undefined;
  /** The most operations, or compares, in a transaction; 128 unless told, as in etcd. */
  readonly maxTxnOperations?: number | undefined;
  /** The name of the history, as in bookmarks; a random one unless told. */
  readonly identity?: string | undefined;
  /** The store's name, `'memory'` unless told. */
  readonly name?: string | undefined;
  /** How long the bookmark of a watch whose own range is idle may lag behind the store, in milliseconds; 100 unless told. */
  readonly progressIntervalMs?: number | undefined;
}

/** What handles on the same data may differ in. */
export type ConnectOptions = Pick<MemoryStoreOptions, 'name' | 'timeoutMs' | 'bufferBytes' | 'logger'>;

/**
 * An embedded store with the semantics of etcd v3: history until it is compacted, transactions over many keys, leases,
 * watches that miss nothing. The data lives as long as the process holds a handle on it.
 *
 * Values are copied in and copied out: altering an array that was passed or returned does not alter the store. (The
 * values of one event are shared by nobody but the watch that tells it.)
 */
export class MemoryStore extends GuardedStore {
  readonly #engine: Engine;
  readonly #driver: MemoryDriver;
  readonly #options: MemoryStoreOptions;

  private constructor(engine: Engine, options: MemoryStoreOptions) {
    const { clock = systemClock, name = 'memory' } = options;
    const driver = new MemoryDriver(engine, { name });
    super(driver, { ...options, clock });
    this.#engine = engine;
    this.#driver = driver;
    this.#options = options;
  }

  /** @internal Use {@link memoryStore}. */
  static create(options: MemoryStoreOptions): MemoryStore {
    checkNames(options);
    const engine = new Engine({
      clock: options.clock ?? systemClock,
      random: options.random ?? Math.random,
      identity: checkIdentity(options.identity),
      maxRequestBytes: checkLimit('maxRequestBytes', options.maxRequestBytes, 1.5 * 1024 * 1024),
      maxTxnOperations: checkLimit('maxTxnOperations', options.maxTxnOperations, 128),
      progressIntervalMs: checkLimit('progressIntervalMs', options.progressIntervalMs, 100),
    });
    return new MemoryStore(engine, options);
  }

  /** How many watches are open, on all handles of this data. */
  get watcherCount(): number {
    return this.#engine.hub.size;
  }

  /** Another handle on the same data, as another process would have one: with its own watches, closed on its own. */
  connect(options: ConnectOptions = {}): MemoryStore {
    this.#checkOpen();
    return new MemoryStore(this.#engine, { ...this.#options, ...options });
  }

  /** All data, history included, as it is now. */
  snapshot(): MemorySnapshot {
    this.#checkOpen();
    return this.#engine.snapshot();
  }

  /**
   * For tests: puts a snapshot in place of the data, as restoring a backup of etcd does. All watches are interrupted,
   * then fail with `history-changed` if the identity is new or the head is below their bookmark, or with `compacted`;
   * otherwise they go on, and what differs below their bookmarks stays unseen, as in etcd. To let the restored history
   * overtake the bookmarks first, call it within {@link MemoryStore.interrupt}.
   *
   * @throws StoreError `invalid-argument` where it is not a snapshot.
   */
  restore(snapshot: MemorySnapshot, options: RestoreOptions = {}): void {
    this.#checkOpen();
    this.#engine.restore(
      snapshot,
      options,
      new StoreError('unavailable', 'the store is being restored from a snapshot'),
    );
  }

  /** For tests: an empty store again, at revision 1, and with a new identity unless told otherwise. */
  wipe({ identity = 'new' }: RestoreOptions = {}): void {
    this.#checkOpen();
    this.#engine.restore(EMPTY_SNAPSHOT, { identity }, new StoreError('unavailable', 'the store is being wiped'));
  }

  /**
   * For tests: interrupts all watches, on all handles, as a lost connection would, until the function returned is
   * called. Reads and writes go on meanwhile, as those of others do.
   */
  interrupt(cause = new StoreError('unavailable', 'the connection was interrupted')): () => void {
    this.#checkOpen();
    if (!isStoreError(cause)) throw invalidArgument('the cause of an interruption must be a StoreError');
    return this.#engine.hub.interrupt(cause);
  }

  /** For tests: writes a key that is not UTF-8, which `put` can't. Delete it as part of a range. */
  injectRaw(key: Uint8Array, value: Uint8Array | string): Revision {
    this.#checkOpen();
    if (!(key instanceof Uint8Array) || key.length === 0)
      throw invalidArgument('a raw key must be bytes, at least one');
    return this.#driver.injectRaw(key, typeof value === 'string' ? new TextEncoder().encode(value) : value);
  }

  #checkOpen(): void {
    if (this.#driver.isClosed) throw closed();
  }
}

/** Makes an empty embedded store. See {@link MemoryStore}. */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  return MemoryStore.create(options);
}

const OPTIONS: readonly string[] = [
  'clock',
  'random',
  'maxRequestBytes',
  'maxTxnOperations',
  'identity',
  'name',
  'progressIntervalMs',
  'timeoutMs',
  'bufferBytes',
  'logger',
] satisfies (keyof MemoryStoreOptions)[];

function checkNames(options: MemoryStoreOptions): void {
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown === undefined) return;
  throw invalidArgument(`memoryStore() has no option ${JSON.stringify(unknown)}; it takes ${OPTIONS.join(', ')}`);
}

function checkLimit(name: string, value: number | undefined, usual: number): number {
  if (value === undefined) return usual;
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw invalidArgument(`${name} must be a positive whole number, not ${String(value)}`);
}

function checkIdentity(identity: string | undefined): string | undefined {
  if (identity === '') throw invalidArgument('identity must not be empty; leave it out to have one chosen');
  return identity;
}
