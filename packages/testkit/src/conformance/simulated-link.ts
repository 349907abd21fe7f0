import { isStoreError, StoreError, type Bookmark, type ConfigStore, type Page, type Watch } from '@holdfast/store';
import {
  addAbortListener,
  checkStore,
  createStore,
  inThisTurn,
  InterceptedDriver,
  removeAbortListener,
  type CallKind,
  type CreateStoreOptions,
  type DriverCall,
  type DriverRequest,
  type DriverScanOptions,
  type DriverWatch,
  type DriverWatchOptions,
  type KeyRange,
  type WatchSink,
} from '@holdfast/store/adapter';
import type { Link } from './backend.js';

export interface SimulatedLinkOptions extends CreateStoreOptions {
  /** The endpoint that the link's errors name. */
  readonly endpoint?: string;
}

/**
 * A store behind a link that can be disturbed, for backends without a network, such as the memory store. Calls that arrive are made on
 * `store`. Their answers may be lost. Watches reconnect after an outage, as those of real adapters do. Closing it leaves `store` open.
 */
export function simulateLink(
  store: ConfigStore,
  options: SimulatedLinkOptions = {},
): { store: ConfigStore; link: Link } {
  checkStore(store, 'simulateLink()');
  const wire = new Wire(options.endpoint ?? 'simulated:0');
  const linked = createStore(new LinkedDriver(store, wire), options);
  simulated.add(linked).add(wire);
  return { store: linked, link: wire };
}

const simulated = new WeakSet<object>();

/** Whether it is a store or a link that {@link simulateLink} has made. A case that passes on it says nothing of the driver's own links. */
export function isSimulated(made: ConfigStore | Link): boolean {
  return simulated.has(made);
}

type Mode = 'open' | 'losing-answers' | 'cut';

class Wire implements Link {
  readonly #endpoint: string;
  readonly #listeners = new Set<(mode: Mode) => void>();
  #mode: Mode = 'open';

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  get isOpen(): boolean {
    return this.#mode === 'open';
  }

  loseAnswers(): void {
    this.#to('losing-answers');
  }

  cut(): void {
    this.#to('cut');
  }

  heal(): void {
    this.#to('open');
  }

  onMode(listener: (mode: Mode) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Makes a call over the link. It arrives unless the link is cut; its answer comes back if the link stays open. */
  async call<T>(kind: CallKind, { signal }: DriverCall, run: () => Promise<T>): Promise<T> {
    if (this.#mode === 'cut') throw this.outage(kind === 'write' ? 'not-applied' : undefined);
    const lost = kind === 'write' ? 'unknown' : undefined;
    let stop = () => undefined as void;
    const interruption = new Promise<never>((_resolve, reject) => {
      const onAbort = () => {
        reject(signal?.reason as StoreError);
      };
      const unsubscribe = this.onMode((mode) => {
        // A lossy link answers nothing. Pending calls fail when the connection ends or comes back.
        if (mode !== 'losing-answers') reject(this.outage(lost));
      });
      addAbortListener(signal, onAbort);
      stop = () => {
        unsubscribe();
        removeAbortListener(signal, onAbort);
      };
    });
    try {
      const answer = run().then((result) => (this.isOpen ? result : interruption));
      // An answer that the lossy link swallows must not reject here either.
      return await Promise.race([this.isOpen ? answer : answer.catch(() => interruption), interruption]);
    } finally {
      stop();
    }
  }

  outage(outcome?: 'unknown' | 'not-applied'): StoreError {
    return new StoreError('unavailable', `the link to ${this.#endpoint} is down`, {
      endpoint: this.#endpoint,
      outcome,
    });
  }

  #to(mode: Mode): void {
    this.#mode = mode;
    for (const listener of [...this.#listeners]) listener(mode);
  }
}

class LinkedDriver extends InterceptedDriver {
  readonly #wire: Wire;

  constructor(store: ConfigStore, wire: Wire) {
    super(store);
    this.#wire = wire;
  }

  protected override intercept<T>(kind: CallKind, call: DriverCall, request: DriverRequest<T>): Promise<T> {
    return this.#wire.call(kind, call, () => request(this.direct, call));
  }

  override async *scan(range: KeyRange, options: DriverScanOptions, call: DriverCall): AsyncGenerator<Page> {
    const pages = super.scan(range, options, call)[Symbol.asyncIterator]();
    for (;;) {
      const next = await this.#wire.call('read', call, () => pages.next());
      if (next.done === true) return;
      yield next.value;
    }
  }

  override watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    const open = (after: Bookmark | undefined) => this.store.watch(range.toRange(), { ...options, after });
    return new LinkedWatch(open, options.after, sink, this.#wire);
  }
}

/** A watch over the link. Each outage interrupts it; it is opened again after the last batch that got through. */
class LinkedWatch implements DriverWatch {
  readonly #open: (after: Bookmark | undefined) => Watch;
  readonly #sink: WatchSink;
  readonly #wire: Wire;
  readonly #unsubscribe: () => void;
  #after: Bookmark | undefined;
  #watch: Watch | undefined;
  #resume: (() => void) | undefined;
  #closed = false;

  constructor(open: (after: Bookmark | undefined) => Watch, after: Bookmark | undefined, sink: WatchSink, wire: Wire) {
    this.#open = open;
    this.#after = after;
    this.#sink = sink;
    this.#wire = wire;
    this.#unsubscribe = wire.onMode(() => {
      this.#onMode();
    });
    // Nothing may be reported before the constructor's caller has the watch.
    inThisTurn(() => {
      this.#onMode();
    });
  }

  resume(): void {
    this.#resume?.();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe();
    this.#resume?.();
    await this.#watch?.close();
  }

  #onMode(): void {
    if (this.#closed) return;
    const watch = this.#watch;
    if (this.#wire.isOpen) {
      // If the consumer's budget is used up, the new connection sends nothing either.
      if (watch === undefined && this.#resume === undefined) void this.#follow();
      return;
    }
    this.#watch = undefined;
    this.#sink.interrupted(this.#wire.outage());
    void watch?.close();
  }

  async #follow(): Promise<void> {
    const watch = this.#open(this.#after);
    this.#watch = watch;
    const current = () => this.#watch === watch && !this.#closed;
    try {
      const ready = await watch.ready;
      if (!current()) return;
      this.#after = ready;
      this.#sink.established(ready);
      for await (const batch of watch) {
        if (!current()) return;
        this.#after = batch.bookmark;
        if (this.#sink.push(batch, batch.events.length * 256 + weight(batch.events)) === 'full') {
          await new Promise<void>((resolve) => (this.#resume = resolve));
          this.#resume = undefined;
          if (!current()) {
            if (!this.#closed && this.#wire.isOpen) void this.#follow();
            return;
          }
        }
      }
    } catch (error) {
      if (current() && isStoreError(error)) this.#sink.fail(error);
    }
  }
}

function weight(
  events: readonly { readonly type: string; readonly current?: { readonly value: Uint8Array } }[],
): number {
  return events.reduce((sum, { current }) => sum + (current?.value.length ?? 0), 0);
}
