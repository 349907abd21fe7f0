import { type Clock, type Revision, StoreError, isStoreError } from '@holdfast/store';
import {
  backgroundClock,
  checkClock,
  checkNames,
  checkWhole,
  type CreateStoreOptions,
  GuardedStore,
  safeRandom,
  systemClock,
} from '@holdfast/store/adapter';
import { Engine } from './engine/engine.js';
import { closed, invalidArgument } from './errors.js';
import { MemoryDriver } from './memory-driver.js';
import { EMPTY_SNAPSHOT, type MemorySnapshot, type RestoreOptions } from './engine/snapshot.js';

export interface MemoryStoreOptions extends CreateStoreOptions {
  /** The clock for leases and progress. Default: the system's. */
  readonly clock?: Clock | undefined;
  /** Gives a number in [0, 1), for lease ids and identities. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** The most bytes of keys and values in one request. Default: 1.5 MiB, as in etcd. */
  readonly maxRequestBytes?: number | undefined;
  /** The most operations, or compares, in a transaction. Default: 128, as in etcd. */
  readonly maxTxnOperations?: number | undefined;
  /** The name of the history, as in bookmarks. Default: a random one. */
  readonly identity?: string | undefined;
  /** The store's name. Default: `'memory'`. */
  readonly name?: string | undefined;
  /** How long the bookmark of a watch may lag behind the store while its own range is idle, in milliseconds. Default: 100. */
  readonly progressIntervalMs?: number | undefined;
}

/** The options that may differ between handles on the same data. */
export type ConnectOptions = Pick<MemoryStoreOptions, 'name' | 'timeoutMs' | 'bufferBytes' | 'logger'>;

/**
 * An embedded store with the semantics of etcd v3: history until compaction, transactions over many keys, leases, watches that
 * miss nothing. The data lives as long as the process holds a handle on it.
 *
 * Values are copied in and out: altering an array that was passed or returned does not alter the store. The values of an event
 * belong to the watch that delivers it.
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
    checkNames(options, OPTIONS, 'memoryStore()');
    const engine = new Engine({
      // What expires while nobody watches, nobody need wait for.
      clock: backgroundClock(checkClock(options.clock)),
      random: safeRandom(options.random),
      identity: checkIdentity(options.identity),
      maxRequestBytes: atMost('maxRequestBytes', options.maxRequestBytes, 1.5 * 1024 * 1024, 'bytes'),
      maxTxnOperations: atMost('maxTxnOperations', options.maxTxnOperations, 128, 'operations'),
      progressIntervalMs: atMost('progressIntervalMs', options.progressIntervalMs, 100, 'milliseconds'),
    });
    return new MemoryStore(engine, options);
  }

  /** The number of open watches, on all handles of this data. */
  get watcherCount(): number {
    return this.#engine.hub.size;
  }

  /** Makes another handle on the same data, as another process would have: with its own watches, and its own `close()`. */
  connect(options: ConnectOptions = {}): MemoryStore {
    this.#checkOpen();
    checkNames(options, ['name', 'timeoutMs', 'bufferBytes', 'logger'], 'connect()');
    return new MemoryStore(this.#engine, { ...this.#options, ...options });
  }

  /** All present data, history included. */
  snapshot(): MemorySnapshot {
    this.#checkOpen();
    return this.#engine.snapshot();
  }

  /**
   * For tests: replaces the data by a snapshot, as restoring a backup of etcd does. All watches are interrupted. Then they fail
   * with `history-changed` if the identity is new or the head is below their bookmark, or with `compacted`. Otherwise they go on,
   * and differences below their bookmarks stay unseen, as in etcd. To let the restored history overtake the bookmarks first, call
   * it within {@link MemoryStore.interrupt}.
   *
   * @throws StoreError `invalid-argument` if it is not a snapshot.
   */
  restore(snapshot: MemorySnapshot, options: RestoreOptions = {}): void {
    this.#checkOpen();
    this.#engine.restore(
      snapshot,
      options,
      new StoreError('unavailable', 'the store is being restored from a snapshot'),
    );
  }

  /** For tests: empties the store, back to revision 1, by default with a new identity. */
  wipe({ identity = 'new' }: RestoreOptions = {}): void {
    this.#checkOpen();
    this.#engine.restore(EMPTY_SNAPSHOT, { identity }, new StoreError('unavailable', 'the store is being wiped'));
  }

  /**
   * For tests: interrupts all watches, on all handles, as a lost connection would. Call the returned function to end that. Reads
   * and writes go on meanwhile.
   */
  interrupt(cause = new StoreError('unavailable', 'the connection was interrupted')): () => void {
    this.#checkOpen();
    if (!isStoreError(cause)) throw invalidArgument('the cause of an interruption must be a StoreError');
    return this.#engine.hub.interrupt(cause);
  }

  /** For tests: writes a key that is not UTF-8, which `put` can't do. Delete it as part of a range. */
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

function atMost(name: string, value: number | undefined, usual: number, unit: string): number {
  return value === undefined ? usual : checkWhole(value, name, unit);
}

function checkIdentity(identity: string | undefined): string | undefined {
  if (identity === '') throw invalidArgument('identity must not be empty; leave it out to have one chosen');
  return identity;
}
