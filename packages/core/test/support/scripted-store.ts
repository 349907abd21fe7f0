import {
  type Bookmark,
  type Capabilities,
  type ConfigStore,
  isStoreError,
  type ListResult,
  type Page,
  type Revision,
  StoreError,
  type TxnResult,
  type Watch,
  type WatchBatch,
} from '@holdfast/store';
import {
  createStore,
  DelegatingDriver,
  type DriverCall,
  type DriverListOptions,
  type DriverScanOptions,
  type DriverTxn,
  type DriverWatch,
  type DriverWatchOptions,
  type KeyRange,
  type WatchSink,
} from '@holdfast/store/adapter';

/** A read that is about to be made. */
export interface ScriptedRead {
  readonly kind: 'list' | 'scan' | 'txn';
  readonly options: Partial<DriverListOptions>;
  /** Of a transaction there is none. */
  readonly range?: KeyRange;
}

/** What a test does to the store between the mirror and the data. */
export class Script {
  /** Runs before each read is made; throws to fail it. */
  beforeRead: (read: ScriptedRead) => Promise<void> | void = () => undefined;
  /** Runs after each read was made, before it is answered. */
  afterRead: (read: ScriptedRead) => Promise<void> | void = () => undefined;
  /** What becomes of each list, and of each page of a scan, on its way: a server or a proxy may answer anything. */
  onList: (list: ListResult, read: ScriptedRead) => ListResult = (list) => list;
  onPage: (page: Page, read: ScriptedRead) => Page | undefined = (page) => page;
  /** From where a watch is said to follow, and which head it tells. */
  onEstablished: (after: Bookmark) => Bookmark = (after) => after;
  onHead: (head: Revision | undefined) => Revision | undefined = (head) => head;
  /** What a watch that is being opened fails with. */
  onWatch: () => StoreError | undefined = () => undefined;
  /** What becomes of each batch on its way. */
  onBatch: (batch: WatchBatch) => WatchBatch | undefined = (batch) => batch;
  readonly reads: ScriptedRead[] = [];
  readonly opened: (Bookmark | undefined)[] = [];
  readonly watches = new Set<ScriptedWatch>();
  isCut = false;

  /** Breaks the connection: reads fail, watches are interrupted. */
  cut(cause = new StoreError('unavailable', 'the connection was cut', { endpoint: '127.0.0.1:1' })): void {
    this.isCut = true;
    this.beforeRead = () => {
      throw cause;
    };
    for (const watch of this.watches) watch.cut(cause);
  }

  heal(): void {
    this.isCut = false;
    this.beforeRead = () => undefined;
    for (const watch of this.watches) watch.heal();
  }

  /** Lets events pile up on the way, and news of interruptions too: a stream that has stopped without anyone noticing. */
  hold(): void {
    for (const watch of this.watches) watch.hold();
  }

  release(): void {
    for (const watch of this.watches) watch.release();
  }

  failWatches(error: StoreError): void {
    for (const watch of [...this.watches]) watch.fail(error);
  }
}

/** `store` behind a script. Closing it leaves `store` open. */
export function scriptedStore(
  store: ConfigStore,
  capabilities: Partial<Capabilities> = {},
): { readonly store: ConfigStore; readonly script: Script } {
  const script = new Script();
  return { store: createStore(new ScriptedDriver(store, script, capabilities)), script };
}

/** What etcd v2 can't do, on a store that can. */
export function likeV2(store: ConfigStore): { readonly store: ConfigStore; readonly script: Script } {
  const scripted = scriptedStore(store, {
    historicalReads: false,
    deltaReads: false,
    progress: 'events-only',
    versions: false,
    compaction: false,
    transactions: 'single-key',
  });
  scripted.script.onBatch = (batch) => (batch.kind === 'progress' ? undefined : batch);
  return scripted;
}

class ScriptedDriver extends DelegatingDriver {
  readonly #script: Script;
  override readonly capabilities: Capabilities;

  constructor(store: ConfigStore, script: Script, capabilities: Partial<Capabilities>) {
    super(store);
    this.#script = script;
    this.capabilities = { ...store.capabilities, ...capabilities };
  }

  override async list(range: KeyRange, options: DriverListOptions, call: DriverCall): Promise<ListResult> {
    await this.#before({ kind: 'list', options, range }, call);
    const result = await super.list(range, options, call);
    await this.#script.afterRead({ kind: 'list', options, range });
    return this.#script.onList(result, { kind: 'list', options, range });
  }

  override async *scan(range: KeyRange, options: DriverScanOptions, call: DriverCall): AsyncIterable<Page> {
    await this.#before({ kind: 'scan', options, range }, call);
    for await (const page of super.scan(range, options, call)) {
      await this.#script.afterRead({ kind: 'scan', options, range });
      const changed = this.#script.onPage(page, { kind: 'scan', options, range });
      if (changed === undefined) return;
      yield changed;
    }
  }

  override async txn(txn: DriverTxn, call: DriverCall): Promise<TxnResult> {
    const keysOnly = txn.then.every((op) => op.type === 'list' && op.options.keysOnly);
    await this.#before({ kind: 'txn', options: { keysOnly } }, call);
    return super.txn(txn, call);
  }

  override watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    this.#script.opened.push(options.after);
    return new ScriptedWatch(this.store, this.#script, range, options, sink);
  }

  async #before(read: ScriptedRead, { signal }: DriverCall): Promise<void> {
    this.#script.reads.push(read);
    await Promise.race([
      (async () => this.#script.beforeRead(read))(),
      new Promise<never>((_resolve, reject) => {
        signal?.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      }),
    ]);
  }
}

export class ScriptedWatch implements DriverWatch {
  readonly #store: ConfigStore;
  readonly #script: Script;
  readonly #range: KeyRange;
  readonly #options: DriverWatchOptions;
  readonly #sink: WatchSink;
  #last: Bookmark | undefined;
  #inner: Watch | undefined;
  #held: (() => void)[] | undefined;
  #isOver = false;

  constructor(store: ConfigStore, script: Script, range: KeyRange, options: DriverWatchOptions, sink: WatchSink) {
    this.#store = store;
    this.#script = script;
    this.#range = range;
    this.#options = options;
    this.#sink = sink;
    this.#last = options.after;
    script.watches.add(this);
    queueMicrotask(() => {
      const error = script.onWatch();
      if (error !== undefined) this.fail(error);
      else if (!script.isCut) this.#open();
    });
  }

  cut(cause: StoreError): void {
    void this.#inner?.close();
    this.#inner = undefined;
    if (!this.#isOver) this.#sink.interrupted(cause);
  }

  heal(): void {
    if (this.#inner === undefined && !this.#isOver) this.#open();
  }

  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const deliver of held) deliver();
  }

  fail(error: StoreError): void {
    if (this.#isOver) return;
    this.#end();
    this.#sink.fail(error);
  }

  resume(): void {
    throw new Error('no test lets a watch run full');
  }

  async close(): Promise<void> {
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#script.watches.delete(this);
    void this.#inner?.close();
  }

  #open(): void {
    if (this.#isOver) return;
    const inner = this.#store.watch(this.#range.toRange(), { ...this.#options, after: this.#last });
    this.#inner = inner;
    const isCurrent = () => this.#inner === inner && !this.#isOver;
    const deliver = (what: () => void) => {
      const checked = () => {
        if (isCurrent()) what();
      };
      if (this.#held !== undefined) this.#held.push(checked);
      else checked();
    };
    inner.onState((state) => {
      deliver(() => {
        if (state.status === 'live')
          this.#sink.established(this.#script.onEstablished(state.after), this.#script.onHead(state.head));
        else if (state.status === 'interrupted') this.#sink.interrupted(state.cause);
      });
    });
    void (async () => {
      try {
        for await (const batch of inner) {
          if (!isCurrent()) return;
          deliver(() => {
            this.#push(batch);
          });
        }
      } catch (error) {
        if (isStoreError(error)) {
          deliver(() => {
            this.fail(error);
          });
        }
      }
    })();
  }

  #push(batch: WatchBatch): void {
    const changed = this.#script.onBatch(batch);
    if (changed === undefined || this.#isOver) return;
    this.#last = changed.bookmark;
    this.#sink.push(changed, 100);
  }
}
