import type { Capabilities } from './capabilities.js';
import type { ConfigStore } from './config-store.js';
import type {
  DriverCall,
  DriverDeleteOptions,
  DriverGetOptions,
  DriverGuard,
  DriverLeases,
  DriverListOptions,
  DriverPutOptions,
  DriverScanOptions,
  DriverTxn,
  DriverWatch,
  DriverWatchOptions,
  StoreDriver,
  WatchSink,
} from './driver.js';
import { StoreError, toStoreError } from './errors.js';
import type { KeyValue } from './key-value.js';
import type {
  DeleteGuard,
  DeleteResult,
  GuardedDeleteResult,
  GuardedPutResult,
  ListResult,
  Page,
  PutGuard,
  PutResult,
} from './options.js';
import type { KeyRange } from './range.js';
import type { Revision } from './revision.js';
import type { StoreStatus } from './status.js';
import type { Op, Txn, TxnResult } from './txn.js';
import type { Watch, WatchBatch } from './watch.js';

/**
 * A driver over another store: the base of views such as {@link withPrefix} and {@link readOnly}. `close()` of a view ends
 * the view's own watches and calls. The store below stays open unless it is `owned`.
 */
export class DelegatingDriver implements StoreDriver {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly leases?: DriverLeases;
  protected readonly store: ConfigStore;
  readonly #owned: boolean;

  constructor(store: ConfigStore, options: { readonly owned?: boolean } = {}) {
    this.store = store;
    this.name = store.name;
    this.capabilities = store.capabilities;
    this.#owned = options.owned ?? false;
    if (store.capabilities.leases) this.leases = this.delegateLeases(store);
  }

  /** The store that a driver is a view of; `undefined` for a backend's own driver. */
  static below(driver: object): ConfigStore | undefined {
    return driver instanceof DelegatingDriver ? driver.store : undefined;
  }

  get view(): { readonly store: ConfigStore; readonly prefix: string } {
    return { store: this.store, prefix: '' };
  }

  protected delegateLeases({ leases }: ConfigStore): DriverLeases {
    return {
      grant: (ttl, id, { signal }) => leases.grant(ttl, { id, signal }),
      revoke: (id, { signal }) => leases.revoke(id, { signal }),
      keepAlive: (id, { signal }) => leases.keepAlive(id, { signal }),
      timeToLive: (id, { keys }, { signal }) => leases.timeToLive(id, { keys, signal }),
      list: ({ signal }) => leases.list({ signal }),
    };
  }

  get(key: string, options: DriverGetOptions, { signal }: DriverCall): Promise<KeyValue | undefined> {
    return this.store.get(key, { ...options, signal });
  }

  list(range: KeyRange, options: DriverListOptions, { signal }: DriverCall): Promise<ListResult> {
    return this.store.list(range.toRange(), { ...options, signal });
  }

  scan(range: KeyRange, options: DriverScanOptions, { signal }: DriverCall): AsyncIterable<Page> {
    return this.store.scan(range.toRange(), { ...options, signal });
  }

  put(key: string, value: Uint8Array, options: DriverPutOptions, { signal }: DriverCall): Promise<PutResult> {
    return this.store.put(key, value, { ...options, signal });
  }

  delete(range: KeyRange, options: DriverDeleteOptions, { signal }: DriverCall): Promise<DeleteResult> {
    return this.store.delete(range.toRange(), { ...options, signal });
  }

  guardedPut(
    key: string,
    value: Uint8Array,
    guard: DriverGuard,
    options: DriverPutOptions,
    { signal }: DriverCall,
  ): Promise<GuardedPutResult> {
    return this.store.put(key, value, { ...options, ...putGuardOf(guard), signal });
  }

  guardedDelete(
    key: string,
    guard: DriverGuard,
    options: DriverDeleteOptions,
    { signal }: DriverCall,
  ): Promise<GuardedDeleteResult> {
    return this.store.delete(key, { ...options, ...deleteGuardOf(guard), signal });
  }

  txn(txn: DriverTxn, { signal }: DriverCall): Promise<TxnResult> {
    return this.store.txn(toTxn(txn), { signal });
  }

  watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    return new WatchPump(this.store.watch(range.toRange(), options), sink);
  }

  compact(revision: Revision, options: { readonly physical: boolean }, { signal }: DriverCall): Promise<void> {
    return this.store.compact(revision, { ...options, signal });
  }

  status({ signal }: DriverCall): Promise<StoreStatus> {
    return this.store.status({ signal });
  }

  async close(): Promise<void> {
    if (this.#owned) await this.store.close();
  }
}

// More than any budget: one batch that nobody waits for fills the sink. The others wait in the store below, which keeps the
// caller's budget.
const WHOLE_BUDGET = Number.MAX_SAFE_INTEGER;

/** Moves batches from one store's watch to the sink of another. Each follows when the one before it was taken. */
export class WatchPump implements DriverWatch {
  readonly #watch: Watch;
  readonly #sink: WatchSink;
  readonly #unsubscribe: () => void;
  readonly #map: (batch: WatchBatch) => WatchBatch;
  #resume: (() => void) | undefined;
  #closed = false;

  constructor(watch: Watch, sink: WatchSink, map: (batch: WatchBatch) => WatchBatch = (batch) => batch) {
    this.#watch = watch;
    this.#sink = sink;
    this.#map = map;
    this.#unsubscribe = watch.onState((state) => {
      if (this.#closed) return;
      if (state.status === 'live') sink.established(state.after, state.head);
      else if (state.status === 'interrupted') sink.interrupted(state.cause);
    });
    void this.#run();
  }

  resume(): void {
    this.#resume?.();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe();
    this.#resume?.();
    await this.#watch.close();
  }

  async #run(): Promise<void> {
    try {
      for await (const batch of this.#watch) {
        if (this.#closed) return;
        if (this.#sink.push(this.#map(batch), WHOLE_BUDGET) === 'full') {
          await new Promise<void>((resolve) => (this.#resume = resolve));
          this.#resume = undefined;
        }
      }
    } catch (error) {
      if (this.#closed) return;
      this.#sink.fail(toStoreError(error));
    }
  }
}

function putGuardOf(guard: DriverGuard): PutGuard {
  switch (guard.kind) {
    case 'absent':
      return { ifAbsent: true };
    case 'present':
      return { ifPresent: true };
    case 'modRevision':
    case 'value':
      return deleteGuardOf(guard);
  }
}

function deleteGuardOf(guard: DriverGuard): DeleteGuard {
  if (guard.kind === 'modRevision') return { ifModRevision: guard.modRevision };
  if (guard.kind === 'value') return { ifValue: guard.value };
  throw new StoreError('invalid-argument', 'a delete can be guarded by ifModRevision or ifValue only');
}

/** A driver's transaction, in the form that callers write. */
export function toTxn(txn: DriverTxn): Txn {
  return {
    if: txn.if.map(({ range, ...compare }) => ({ ...compare, range: range.toRange() })),
    then: txn.then.map(toOp),
    else: txn.else.map(toOp),
  };
}

function toOp(op: DriverTxn['then'][number]): Op {
  switch (op.type) {
    case 'put': {
      const { ttl: _, ...options } = op.options;
      return { type: 'put', key: op.key, value: op.value, ...options };
    }
    case 'delete':
      return { type: 'delete', range: op.range.toRange(), previous: op.options.previous };
    case 'get':
      return op;
    case 'list': {
      const { consistency: _, ...options } = op.options;
      return { type: 'list', range: op.range.toRange(), ...options };
    }
    case 'txn':
      return { type: 'txn', txn: toTxn(op.txn) };
  }
}
