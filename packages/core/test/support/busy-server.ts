import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { type Capabilities, type ConfigStore, type ListResult, type Page, type StoreError } from '@holdfast/store';
import {
  createStore,
  DelegatingDriver,
  type DriverCall,
  type DriverListOptions,
  type DriverScanOptions,
  type DriverWatch,
  type DriverWatchOptions,
  type KeyRange,
  ListPage,
  sleep,
  type WatchSink,
} from '@holdfast/store/adapter';
import type { VirtualClock } from '@holdfast/testkit';

const PAGE_KEYS = 10;

/** A request that a server has answered, or works on. */
export interface Asked {
  readonly kind: 'list' | 'page';
  /** Of a scan: its number. */
  readonly page: number;
  readonly keysOnly: boolean;
  /** Of a list: the one key that it is about. */
  readonly key?: string | undefined;
  readonly at: number;
}

/** A server that does one thing after another, at a cost in time: every client waits for all that came before. */
export class BusyServer {
  readonly data: MemoryStore;
  readonly asked: Asked[] = [];
  /** The time that requests take, in milliseconds. */
  listMs = 0;
  pageMs = 0;
  /** What a request fails with, if it does. */
  refuse: (asked: Asked) => StoreError | undefined = () => undefined;
  /** How many pages past the first are waited for now, and were at most. */
  waiting = 0;
  mostWaiting = 0;
  /** The same for scans. */
  scans = 0;
  mostScans = 0;
  /** Whether events are lost on their way. */
  isMute = false;
  /** Of the watches that are open. */
  readonly sinks = new Set<WatchSink>();
  readonly #clock: VirtualClock;
  /** When it will have done what it was asked for. */
  freeAt = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
    this.data = memoryStore({ clock });
  }

  async fill(prefix: string, keys: number, value = '{"n":1}'): Promise<void> {
    for (let index = 0; index < keys; index += 1)
      await this.data.put(`${prefix}${String(index).padStart(4, '0')}`, value);
  }

  /** The store of a process of its own. */
  store(capabilities: Partial<Capabilities> = {}): ConfigStore {
    return createStore(new BusyDriver(this, this.data, capabilities), { clock: this.#clock });
  }

  failWatches(error: StoreError): void {
    for (const sink of [...this.sinks]) sink.fail(error);
  }

  async serve(asked: Omit<Asked, 'at'>, signal: AbortSignal | undefined): Promise<void> {
    const request = { ...asked, at: this.#clock.now() };
    this.asked.push(request);
    const error = this.refuse(request);
    if (error !== undefined) throw error;
    const ms = asked.kind === 'page' ? this.pageMs : this.listMs;
    this.freeAt = Math.max(this.freeAt, this.#clock.now()) + ms;
    const isLater = asked.page > 0;
    if (isLater) this.mostWaiting = Math.max(this.mostWaiting, (this.waiting += 1));
    try {
      const wait = this.freeAt - this.#clock.now();
      if (wait > 0) await sleep(this.#clock, wait, signal);
    } finally {
      if (isLater) this.waiting -= 1;
    }
  }
}

class BusyDriver extends DelegatingDriver {
  override readonly capabilities: Capabilities;
  readonly #server: BusyServer;

  constructor(server: BusyServer, store: ConfigStore, capabilities: Partial<Capabilities>) {
    super(store);
    this.#server = server;
    this.capabilities = { ...store.capabilities, ...capabilities };
  }

  override async list(range: KeyRange, options: DriverListOptions, call: DriverCall): Promise<ListResult> {
    const { key } = range;
    await this.#server.serve({ kind: 'list', page: 0, keysOnly: options.keysOnly, key }, call.signal);
    return super.list(range, options, call);
  }

  override watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    const server = this.#server;
    const watch = super.watch(range, options, {
      established: (after, head) => {
        sink.established(after, head);
      },
      interrupted: (cause) => {
        sink.interrupted(cause);
      },
      push: (batch, bytes) => (server.isMute ? 'ok' : sink.push(batch, bytes)),
      fail: (error) => {
        sink.fail(error);
      },
    });
    server.sinks.add(sink);
    return {
      resume: () => {
        watch.resume();
      },
      close: () => {
        server.sinks.delete(sink);
        return watch.close();
      },
    };
  }

  override async *scan(range: KeyRange, options: DriverScanOptions, call: DriverCall): AsyncIterable<Page> {
    const server = this.#server;
    server.mostScans = Math.max(server.mostScans, (server.scans += 1));
    try {
      const { keysOnly } = options;
      let all: ListResult | undefined;
      for (let page = 0; ; page += 1) {
        await server.serve({ kind: 'page', page, keysOnly }, call.signal);
        const { limit, countOnly, sort } = { limit: undefined, countOnly: false, sort: undefined };
        all ??= await super.list(range, { ...options, limit, countOnly, sort }, call);
        const items = all.items.slice(page * PAGE_KEYS, (page + 1) * PAGE_KEYS);
        const more = (page + 1) * PAGE_KEYS < all.items.length;
        yield new ListPage({ ...all, items }, more);
        if (!more) return;
      }
    } finally {
      server.scans -= 1;
    }
  }
}
