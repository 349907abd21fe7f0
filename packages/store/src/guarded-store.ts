import { allowManyListeners } from './abort-listeners.js';
import { BareKeyHint } from './bare-key-hint.js';
import { toValueBytes, type ValueInput } from './bytes.js';
import {
  checkLimits,
  notSent,
  runCall,
  toCallError,
  type CallContext,
  type CallKind,
  type CallLimits,
} from './call.js';
import {
  CALL_OPTIONS,
  checkClock,
  checkConsistency,
  checkFlag,
  checkGuard,
  checkNames,
  checkRevision,
  checkWhole,
  DELETE_GUARDS,
  invalid,
  need,
  PUT_GUARDS,
  revisionOf,
  type Untrusted,
} from './check-options.js';
import { checkComparableGuard, checkStorableKey, checkStorableValue } from './check-syntax.js';
import { checkList, checkPrevious, checkPut, checkTxn, writesAnything } from './check-txn.js';
import { checkWatch } from './check-watch.js';
import { outerTrace, traceCall, type CallTrace } from './call-trace.js';
import { isCallHeard } from './channels.js';
import type { Clock } from './clock.js';
import type { ConfigStore } from './config-store.js';
import { DelegatingDriver } from './delegate.js';
import { getByList, guardedDeleteByTxn, guardedPutByTxn, scanByList } from './derive.js';
import type {
  AnyDriver,
  AssumedHistory,
  DriverCall,
  DriverGuard,
  DriverPutOptions,
  ReadingDriver,
  StoreDriver,
} from './driver.js';
import { fullCapabilities, type FullCapabilities } from './undeclared.js';
import { isStoreError, refusedLocally, StoreError, withOutcome } from './errors.js';
import { GuardedLeases } from './guarded-leases.js';
import { guardedScan } from './guarded-scan.js';
import type { KeyValue } from './key-value.js';
import type { Leases } from './leases.js';
import { safeLogger, type Logger } from './logger.js';
import type {
  CallOptions,
  CompactOptions,
  DeleteGuard,
  DeleteOptions,
  DeleteResult,
  GetOptions,
  GuardedDeleteResult,
  GuardedPutResult,
  ListOptions,
  ListResult,
  Page,
  PutGuard,
  PutOptions,
  PutResult,
  ScanOptions,
  WatchOptions,
} from './options.js';
import { withoutContent, withoutContentOfLists } from './keys-only.js';
import { KeyRange, type Range } from './range.js';
import type { Revision } from './revision.js';
import type { StoreStatus } from './status.js';
import type { Txn, TxnResult } from './txn.js';
import { holdDuring } from './process-hold.js';
import { putWithTtl } from './ttl.js';
import { isWatchOpening, openingWatch, tellConnection } from './tell-connection.js';
import { WatchQueue } from './watch-queue.js';
import type { Watch, WatchState } from './watch.js';

export interface CreateStoreOptions {
  readonly clock?: Clock | undefined;
  readonly logger?: Logger | undefined;
  /** The most milliseconds that a call may take if it sets no `timeoutMs` itself. Default: no limit. */
  readonly timeoutMs?: number | undefined;
  /** How many bytes may wait for a watch's consumer if the watch sets no `bufferBytes` itself. Default: 8 MiB. */
  readonly bufferBytes?: number | undefined;
}

/** Where the keys of a store, or of a view, really are. */
export interface StoreOrigin {
  /** The store that is a view of no other one. */
  readonly store: ConfigStore;
  readonly name: string;
  /** Without credentials; empty for a store in this process. */
  readonly endpoints: readonly string[];
  /** What views put before each key. */
  readonly prefix: string;
  /** The highest raft term that was seen. */
  readonly raftTerm: number | undefined;
}

const GET: readonly string[] = [...CALL_OPTIONS, 'revision', 'consistency'];
const SCAN: readonly string[] = [...GET, 'keysOnly', 'minModRevision'];
const LIST: readonly string[] = [...SCAN, 'limit', 'countOnly', 'sort'];
const PUT: readonly string[] = [
  ...CALL_OPTIONS,
  ...PUT_GUARDS,
  'lease',
  'ttl',
  'previous',
  'ignoreValue',
  'ignoreLease',
];
const DELETE: readonly string[] = [...CALL_OPTIONS, ...DELETE_GUARDS, 'previous'];
const COMPACT: readonly string[] = [...CALL_OPTIONS, 'physical'];

/**
 * The policy of every store: closed-store checks, argument validation, capabilities, aborts and time-outs, watch
 * queues, and methods derived for drivers that lack them. Subclass it to give an adapter a typed surface of its own;
 * otherwise use {@link createStore}.
 */
export class GuardedStore implements ConfigStore {
  readonly leases: Leases;
  readonly #driver: AnyDriver;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #timeoutMs: number | undefined;
  readonly #bufferBytes: number;
  readonly #watches = new Set<WatchQueue>();
  // Aborts when the store closes, with the `closed` error as its reason.
  readonly #closing = new AbortController();
  readonly #context: CallContext;
  readonly #hint: BareKeyHint;
  /** The Holdfast store that this one is a view of. */
  readonly #below: GuardedStore | undefined;
  #closed: Promise<void> | undefined;

  constructor(driver: StoreDriver | ReadingDriver, options: CreateStoreOptions = {}) {
    this.#driver = driver;
    // Drivers get it with each call that has no signal of its own.
    allowManyListeners(this.#closing.signal);
    this.#clock = checkClock(options.clock);
    this.#logger = safeLogger(options.logger);
    this.#hint = new BareKeyHint(this.#logger);
    this.#timeoutMs = checkLimits({ timeoutMs: options.timeoutMs }, undefined).timeoutMs;
    this.#bufferBytes =
      options.bufferBytes === undefined ? 8 * 1024 * 1024 : checkWhole(options.bufferBytes, 'bufferBytes', 'bytes');
    this.#context = { driver, clock: this.#clock, closing: this.#closing.signal };
    const below = DelegatingDriver.below(driver);
    this.#below = below !== undefined && #below in below ? below : undefined;
    this.leases = new GuardedLeases(driver, (kind, options, check) => this.call(kind, options, check));
  }

  /** The logger of a store, for views of it: what they have to report belongs to the same reader. */
  static loggerOf(store: ConfigStore): Logger | undefined {
    return #logger in store ? store.#logger : undefined;
  }

  /** Where a store's keys really are, for who keeps a copy of them: of a view, where the keys of the store below it are. */
  static originOf(store: ConfigStore): StoreOrigin {
    const { name } = store;
    if (!(#driver in store)) return { store, name, endpoints: [], prefix: '', raftTerm: undefined };
    const { endpoints = [], view, raftTerm } = store.#driver;
    if (view === undefined) return { store, name, endpoints, prefix: '', raftTerm };
    const below = GuardedStore.originOf(view.store);
    return { ...below, prefix: below.prefix + view.prefix };
  }

  /** Tells a store what a saved copy knows of its history. See {@link StoreDriver.assumeHistory}. */
  static assumeHistory(store: ConfigStore, known: AssumedHistory): void {
    if (!(#driver in store)) return;
    const { view } = store.#driver;
    if (view === undefined) store.#driver.assumeHistory?.(known);
    else GuardedStore.assumeHistory(view.store, known);
  }

  get name(): string {
    return this.#driver.name;
  }

  get capabilities(): FullCapabilities {
    return fullCapabilities(this.#driver.capabilities);
  }

  get(key: string, options?: GetOptions): Promise<KeyValue | undefined> {
    return this.call('read', [options, GET, 'get()'], (given) => {
      checkStorableKey(key, this.capabilities);
      const at = { revision: this.#pastRevision(given), consistency: checkConsistency(given) };
      return (call) => this.#driver.get?.(key, at, call) ?? getByList(this.#driver, key, at, call);
    });
  }

  list(range: Range, options?: ListOptions): Promise<ListResult> {
    return this.call('read', [options, LIST, 'list()'], (given) => {
      this.#hint.mind(range, 'list()');
      const keyRange = KeyRange.from(range);
      const checked = { ...checkList(given, this.#driver), consistency: checkConsistency(given) };
      return async (call) => {
        const list = await this.#driver.list(keyRange, checked, call);
        return checked.keysOnly ? withoutContent(list) : list;
      };
    });
  }

  scan(range: Range, options?: ScanOptions): AsyncIterable<Page> {
    return { [Symbol.asyncIterator]: () => this.#scan(range, options) };
  }

  put(key: string, value: ValueInput, options: PutOptions & PutGuard): Promise<GuardedPutResult>;
  put(key: string, value: ValueInput, options?: PutOptions): Promise<PutResult>;
  put(key: string, value: ValueInput, options?: PutOptions): Promise<PutResult | GuardedPutResult> {
    return this.call<PutResult | GuardedPutResult>('write', [options, PUT, 'put()'], (given) => {
      const { capabilities } = this;
      const driver = this.#writing();
      checkStorableKey(key, capabilities);
      const bytes = checkStorableValue(toValueBytes(value, 'the value'), capabilities, key);
      const guard = checkComparableGuard(checkGuard(given, PUT_GUARDS), capabilities);
      const put = checkPut(given, bytes, this.#driver);
      const ttl = this.#ttl(given, put);
      const run = putter(driver, key, bytes, guard);
      if (ttl === undefined) return (call) => run(put, call);
      const { leases } = driver;
      if (leases === undefined) return (call) => run({ ...put, ttl }, call);
      return (call) => putWithTtl(leases, ttl, put, run, call, this.#closing.signal);
    });
  }

  delete(key: string | { readonly key: string }, options: DeleteOptions & DeleteGuard): Promise<GuardedDeleteResult>;
  delete(range: Range, options?: DeleteOptions): Promise<DeleteResult>;
  delete(range: Range, options?: DeleteOptions): Promise<DeleteResult | GuardedDeleteResult> {
    return this.call<DeleteResult | GuardedDeleteResult>('write', [options, DELETE, 'delete()'], (given) => {
      const driver = this.#writing();
      this.#hint.mind(range, 'delete()');
      const keyRange = KeyRange.from(range);
      const guard = checkComparableGuard(checkGuard(given, DELETE_GUARDS), this.capabilities);
      const checked = { previous: checkPrevious(given, driver) };
      const { key } = keyRange;
      if (key !== undefined) checkStorableKey(key, this.capabilities);
      if (guard === undefined) return (call) => driver.delete(keyRange, checked, call);
      if (key === undefined) throw invalid('a guarded delete is of a single key; use txn() for a range');
      return (call) =>
        driver.guardedDelete?.(key, guard, checked, call) ?? guardedDeleteByTxn(driver, key, guard, checked, call);
    });
  }

  txn(txn: Txn, options?: CallOptions): Promise<TxnResult> {
    let kind: CallKind = 'write';
    const result = this.call(
      () => kind,
      [options, CALL_OPTIONS, 'txn()'],
      () => {
        const driver = this.#driver;
        const checked = checkTxn(txn, driver);
        this.#hint.mindTxn(txn);
        need(driver.txn !== undefined, driver.name, 'transactions', 'transactions');
        if (writesAnything(checked)) this.#writing();
        else kind = 'read';
        return async (call) => {
          if (driver.txn === undefined) throw invalid('the driver lost its txn method');
          return withoutContentOfLists(checked, await driver.txn(checked, call));
        };
      },
    );
    if (kind === 'write') return result;
    // Whatever became of it, a transaction that only reads has changed nothing.
    return result.catch((error: unknown) => {
      throw withOutcome(error as StoreError, 'not-applied');
    });
  }

  watch(range: Range, options?: WatchOptions): Watch {
    // Refused arguments and a closed store end the watch at once: its consumer has one place to handle failures.
    const failed = this.#closing.signal.aborted ? (this.#closing.signal.reason as StoreError) : undefined;
    const checked = failed === undefined ? checkWatch(range, options, this.#driver) : { error: failed };
    const watch = new WatchQueue(
      (sink) => {
        if ('error' in checked) throw refusedLocally(checked.error);
        this.#hint.mind(range, 'watch()');
        return openingWatch(this.name, () => this.#driver.watch(checked.range, checked.options, sink));
      },
      {
        clock: this.#clock,
        logger: this.#logger,
        bufferBytes: ('error' in checked ? undefined : checked.bufferBytes) ?? this.#bufferBytes,
        signal: 'error' in checked ? undefined : checked.signal,
        unref: 'error' in checked || checked.unref,
        ...(!isWatchOpening(this.name) && {
          onState: (state: WatchState, previous: WatchState) => {
            tellConnection({ store: this.name, endpoints: this.#endpoints }, state, previous);
          },
        }),
        onEnd: (ended) => this.#watches.delete(ended),
      },
    );
    if (watch.state.status !== 'closed') this.#watches.add(watch);
    return watch;
  }

  compact(revision: Revision | number, options?: CompactOptions): Promise<void> {
    return this.call('write', [options, COMPACT, 'compact()'], (given) => {
      const at = revisionOf(revision, 'the revision to compact at');
      const physical = checkFlag(given, 'physical');
      const driver = this.#driver;
      need(driver.capabilities.compaction && driver.compact !== undefined, driver.name, 'compaction', 'compaction');
      return (call) => driver.compact?.(at, { physical }, call) ?? Promise.resolve();
    });
  }

  status(options?: CallOptions): Promise<StoreStatus> {
    return this.call('read', [options, CALL_OPTIONS, 'status()'], () => (call) => this.#driver.status(call));
  }

  close(): Promise<void> {
    this.#closed ??= holdDuring(this.#close());
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const error = refusedLocally(new StoreError('closed', `the ${this.name} store is closed; open another`));
    this.#closing.abort(error);
    await Promise.all([...this.#watches].map((watch) => watch.end(error)));
    await this.#driver.close();
  }

  async *#scan(range: Range, options: ScanOptions | undefined): AsyncGenerator<Page, void, undefined> {
    let prepared;
    try {
      prepared = this.#prepareScan(range, options);
    } catch (error) {
      // No page will be told, and a call that is refused is told as well.
      return await this.#traced('scan', signalOf(options), () => Promise.reject(error as StoreError));
    }
    const { run, limits } = prepared;
    yield* guardedScan(run, limits, this.#context, (page) => this.#traced('scan', limits.signal, page));
  }

  #prepareScan(range: Range, options: ScanOptions | undefined) {
    const driver = this.#driver;
    return this.#prepare([options, SCAN, 'scan()'], (given) => {
      const { revision, keysOnly, minModRevision } = checkList(given, driver);
      const checked = { revision, keysOnly, minModRevision, consistency: checkConsistency(given) };
      this.#hint.mind(range, 'scan()');
      const keyRange = KeyRange.from(range);
      return (call: DriverCall) =>
        (driver.scan?.(keyRange, checked, call) ?? scanByList(driver, keyRange, checked, call))[Symbol.asyncIterator]();
    });
  }

  /** @throws StoreError `unsupported` where nothing can be written */
  #writing(): StoreDriver {
    const driver = this.#driver;
    need(this.capabilities.writes, this.name, 'writes', 'writes');
    if (isWriting(driver)) return driver;
    throw new StoreError(
      'internal',
      `the ${this.name} adapter has no put() and delete(), and does not declare writes: false`,
    );
  }

  #ttl(given: Untrusted, put: DriverPutOptions): number | undefined {
    if (given['ttl'] === undefined) return undefined;
    need(this.capabilities.ttl, this.name, 'ttl', 'ttl');
    if (put.lease !== undefined || put.ignoreLease) throw invalid('give ttl, lease or ignoreLease, not more than one');
    return checkWhole(given['ttl'], 'ttl', 'seconds');
  }

  #pastRevision(given: Untrusted): Revision | undefined {
    const revision = checkRevision(given, 'revision');
    if (revision !== undefined)
      need(this.capabilities.historicalReads, this.name, 'historicalReads', 'reads at a past revision');
    return revision;
  }

  /**
   * Checks a call's arguments, then runs it under its limits. Every failure is a rejection, never a throw. Adapters use it for what they
   * offer beside the contract. See `CallRunner`.
   *
   * @param kindOf the kind, or a function for a call whose arguments decide it
   */
  protected call<T>(
    kindOf: CallKind | (() => CallKind),
    options: readonly [given: unknown, names: readonly string[], call: string],
    check: (given: Untrusted) => (call: DriverCall) => Promise<T>,
  ): Promise<T> {
    if (!isCallHeard()) return this.#call(kindOf, options, check);
    const [given, , name] = options;
    return this.#traced(name.replace('()', ''), signalOf(given), (trace) => this.#call(kindOf, options, check, trace));
  }

  /** Tells those who listen to calls of one, unless it is a part of one that they are told of: a view's. */
  #traced<T>(name: string, signal: AbortSignal | undefined, run: (trace?: CallTrace) => Promise<T>): Promise<T> {
    if (!isCallHeard()) return run();
    const outer = outerTrace(signal, this.name);
    if (outer !== undefined) return run(outer);
    return traceCall({ store: this.name, name, endpoints: this.#endpoints, clock: this.#clock }, run);
  }

  get #endpoints(): readonly string[] {
    return this.#driver.endpoints ?? (this.#below === undefined ? [] : this.#below.#endpoints);
  }

  #call<T>(
    kindOf: CallKind | (() => CallKind),
    options: readonly [given: unknown, names: readonly string[], call: string],
    check: (given: Untrusted) => (call: DriverCall) => Promise<T>,
    trace?: CallTrace,
  ): Promise<T> {
    const kind = () => (typeof kindOf === 'function' ? kindOf() : kindOf);
    try {
      if (this.#closing.signal.aborted) throw this.#closing.signal.reason;
      const { run, limits } = this.#prepare(options, check);
      return runCall(kind(), trace === undefined ? limits : { ...limits, trace }, this.#context, run);
    } catch (error) {
      return Promise.reject(notSent(kind(), error as StoreError));
    }
  }

  #prepare<R>(
    [given, names, call]: readonly [given: unknown, names: readonly string[], call: string],
    check: (given: Untrusted) => R,
  ): { run: R; limits: CallLimits } {
    try {
      const options = checkNames(given, names, call);
      return { limits: checkLimits(options, this.#timeoutMs), run: check(options) };
    } catch (error) {
      throw refusedLocally(isStoreError(error) ? error : toCallError('read', error));
    }
  }
}

/** The signal among options that were not checked yet. */
function signalOf(given: unknown): AbortSignal | undefined {
  try {
    const { signal } = (given ?? {}) as { readonly signal?: unknown };
    return signal instanceof AbortSignal ? signal : undefined;
  } catch {
    return undefined;
  }
}

function isWriting(driver: AnyDriver): driver is StoreDriver {
  return driver.put !== undefined && driver.delete !== undefined;
}

function putter(driver: StoreDriver, key: string, value: Uint8Array, guard: DriverGuard | undefined) {
  return (put: DriverPutOptions, call: DriverCall): Promise<PutResult | GuardedPutResult> => {
    if (guard === undefined) return driver.put(key, value, put, call);
    return driver.guardedPut?.(key, value, guard, put, call) ?? guardedPutByTxn(driver, key, value, guard, put, call);
  };
}

const READING_METHODS = ['list', 'watch', 'status', 'close'] as const satisfies (keyof StoreDriver)[];
const DRIVER_METHODS = ['list', 'put', 'delete', 'watch', 'status', 'close'] as const satisfies (keyof StoreDriver)[];

/** Makes a {@link ConfigStore} of an adapter's driver. */
export function createStore(driver: StoreDriver | ReadingDriver, options?: CreateStoreOptions): ConfigStore {
  const given = driver as Partial<AnyDriver> | null | undefined;
  const methods = given?.capabilities?.writes === false ? READING_METHODS : DRIVER_METHODS;
  const missing = methods.find((name) => typeof given?.[name] !== 'function');
  if (missing !== undefined) {
    const hint =
      missing === 'put' || missing === 'delete' ? '; a store without writes declares capabilities.writes: false' : '';
    throw invalid(`createStore() takes a driver, and this has no method ${missing}()${hint}`);
  }
  if (options !== undefined && (typeof options !== 'object' || (options as unknown) === null)) {
    throw invalid('createStore() takes an object of options');
  }
  return new GuardedStore(driver, options);
}
