import {
  type Capabilities,
  type ConfigStore,
  type ListResult,
  type Page,
  type Revision,
  StoreError,
  toRevision,
} from '@holdfast/store';
import {
  DelegatingDriver,
  type DriverCall,
  type DriverDeleteOptions,
  type DriverGetOptions,
  type DriverGuard,
  type DriverLeases,
  type DriverListOptions,
  type DriverPutOptions,
  type DriverScanOptions,
  type DriverTxn,
  type DriverWatch,
  type DriverWatchOptions,
  type KeyRange,
  KeyRange as Ranges,
  ListPage,
  keySuccessor,
  encodeUtf8,
  compareBytes,
  type WatchSink,
} from '@holdfast/store/adapter';
import type { Connections } from './connections.js';
import type { Link } from './link.js';
import type { Members } from '../cluster/members.js';
import type { Random } from '../plans/random.js';
import { RemoteWatch } from './remote-watch.js';

export interface RemoteOptions {
  readonly link: Link;
  /** In a world with endpoints. */
  readonly connections: Connections | undefined;
  readonly members: Members;
  readonly count: (fault: string) => void;
  readonly random: Random;
  readonly backend: 'v3' | 'v2';
  /** Whether the server gives less of a list at a time than it was asked for. */
  readonly isScant: boolean;
  /** What a deletion at a revision was asked to delete, where the backend tells that instead of the keys. */
  readonly deletedRange: (revision: number) => KeyRange | undefined;
  /** Which history the server has: what etcd's raft term tells an adapter between two pages. */
  readonly term: () => number;
  readonly onWatch: (watch: RemoteWatch) => void;
}

/** What etcd v2 can't do. */
const LIKE_V2 = {
  historicalReads: false,
  deltaReads: false,
  progress: 'events-only',
  versions: false,
  transactions: 'single-key',
} as const satisfies Partial<Capabilities>;

/** The store as a process sees it over its link: an adapter as the contract wants it, on a network as it comes. */
export class RemoteDriver extends DelegatingDriver {
  override readonly capabilities: Capabilities;
  readonly #options: RemoteOptions;
  readonly #data: DelegatingDriver;

  constructor(store: ConfigStore, options: RemoteOptions) {
    super(store);
    this.#options = options;
    this.#data = new DelegatingDriver(store);
    this.capabilities = options.backend === 'v2' ? { ...store.capabilities, ...LIKE_V2 } : store.capabilities;
  }

  get #link(): Link {
    return this.#options.link;
  }

  override get(key: string, options: DriverGetOptions, call: DriverCall) {
    return this.#read(options, call, (server, own) => server.get(key, own, NO_SIGNAL));
  }

  override list(range: KeyRange, options: DriverListOptions, call: DriverCall): Promise<ListResult> {
    const { isScant, random } = this.#options;
    const scant =
      isScant && (options.limit ?? 0) > MOST_SCANT ? { ...options, limit: random.between(1, MOST_SCANT) } : options;
    return this.#read(scant, call, (server, own) => server.list(range, own, NO_SIGNAL));
  }

  /** A call to whoever serves it. */
  #call<T>(kind: 'read' | 'write', call: DriverCall, run: (server: DelegatingDriver) => Promise<T>): Promise<T> {
    const { connections } = this.#options;
    if (connections === undefined) return this.#link.call(kind, call, () => run(this.#data));
    return connections.call(kind, call, ({ driver }) => run(driver));
  }

  /** By any member. */
  #read<T, O extends DriverGetOptions>(
    options: O,
    call: DriverCall,
    run: (server: DelegatingDriver, options: O) => Promise<T>,
  ): Promise<T> {
    const { connections, members, random } = this.#options;
    if (connections !== undefined)
      return connections.call('read', call, ({ driver, place, foreign }) =>
        foreign === undefined ? this.#answer(place, options, (own) => run(driver, own)) : run(driver, options),
      );
    const member = members.count === 1 ? 0 : random.below(members.count);
    return this.#link.call('read', call, () => this.#answer(member, options, (own) => run(this.#data, own)));
  }

  /** A member that lags behind answers a linearizable read when it has caught up, and a serializable one with what it has. */
  async #answer<T, O extends DriverGetOptions>(
    member: number,
    options: O,
    run: (options: O) => Promise<T>,
  ): Promise<T> {
    const { members, count } = this.#options;
    const behindAt = members.behindAt(member);
    if (behindAt === undefined) return run(options);
    if (options.consistency === 'serializable' && options.revision === undefined) {
      count('stale serializable read');
      return run({ ...options, revision: toRevision(behindAt) });
    }
    count('read that waits for a member behind');
    await new Promise<void>((resolve) => {
      members.whenCaughtUp(member, resolve);
    });
    return run(options);
  }

  /** In small pages at the revision of the first, each a call of its own: anything may happen between two. */
  override async *scan(range: KeyRange, options: DriverScanOptions, call: DriverCall): AsyncGenerator<Page> {
    const isPaged = this.capabilities.historicalReads && options.minModRevision === undefined;
    const limit = isPaged ? this.#options.random.between(2, 9) : undefined;
    const base: DriverListOptions = { ...options, limit, countOnly: false, sort: undefined };
    let page = await this.list(range, base, call);
    const term = this.#options.term();
    const { bookmark, count } = page;
    for (;;) {
      const last = lastKey(page);
      const more = isPaged && page.more && last !== undefined;
      yield new ListPage({ ...page, bookmark, count }, more);
      if (!more) return;
      page = await this.list(
        Ranges.ofInterval(keySuccessor(last), range.end),
        { ...base, revision: bookmark.revision },
        call,
      );
      if (page.bookmark.identity !== bookmark.identity || this.#options.term() !== term)
        throw new StoreError('history-changed', 'the store was replaced during the scan');
    }
  }

  override put(key: string, value: Uint8Array, options: DriverPutOptions, call: DriverCall) {
    return this.#call('write', call, (server) => server.put(key, value, options, NO_SIGNAL));
  }

  override delete(range: KeyRange, options: DriverDeleteOptions, call: DriverCall) {
    return this.#call('write', call, (server) => server.delete(range, options, NO_SIGNAL));
  }

  override guardedPut(key: string, value: Uint8Array, guard: DriverGuard, options: DriverPutOptions, call: DriverCall) {
    return this.#call('write', call, (server) => server.guardedPut(key, value, guard, options, NO_SIGNAL));
  }

  override guardedDelete(key: string, guard: DriverGuard, options: DriverDeleteOptions, call: DriverCall) {
    return this.#call('write', call, (server) => server.guardedDelete(key, guard, options, NO_SIGNAL));
  }

  override txn(txn: DriverTxn, call: DriverCall) {
    return this.#call('write', call, (server) => server.txn(txn, NO_SIGNAL));
  }

  override compact(revision: Revision, options: { readonly physical: boolean }, call: DriverCall) {
    return this.#call('write', call, (server) => server.compact(revision, options, NO_SIGNAL));
  }

  override status(call: DriverCall) {
    return this.#call('read', call, (server) => server.status(NO_SIGNAL));
  }

  override watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    const watch = new RemoteWatch(this.store, range, options, sink, {
      ...this.#options,
      tellsProgress: this.capabilities.progress === 'exact',
      head: (call) => this.list(range, HEAD, call).then(({ bookmark }) => bookmark),
    });
    this.#options.onWatch(watch);
    return watch;
  }

  override async close(): Promise<void> {
    this.#options.connections?.close();
    await super.close();
  }

  protected override delegateLeases(): DriverLeases {
    const leasesOf = ({ leases }: DelegatingDriver): DriverLeases => {
      if (leases === undefined) throw new StoreError('unsupported', 'the store has no leases');
      return leases;
    };
    return {
      grant: (ttl, id, call) => this.#call('write', call, (server) => leasesOf(server).grant(ttl, id, NO_SIGNAL)),
      revoke: (id, call) => this.#call('write', call, (server) => leasesOf(server).revoke(id, NO_SIGNAL)),
      keepAlive: (id, call) => this.#call('read', call, (server) => leasesOf(server).keepAlive(id, NO_SIGNAL)),
      timeToLive: (id, options, call) =>
        this.#call('read', call, (server) => leasesOf(server).timeToLive(id, options, NO_SIGNAL)),
      list: (call) => this.#call('read', call, (server) => leasesOf(server).list(NO_SIGNAL)),
    };
  }
}

/** How many entries of a list a server gives at most that gives less than it was asked for. */
const MOST_SCANT = 9;

const HEAD: DriverListOptions = {
  revision: undefined,
  consistency: 'linearizable',
  limit: undefined,
  keysOnly: false,
  countOnly: true,
  minModRevision: undefined,
  sort: undefined,
};

// The server knows nothing of what the caller gives up.
const NO_SIGNAL: DriverCall = { signal: undefined };

function lastKey(list: ListResult): Uint8Array | undefined {
  const item = list.items.at(-1);
  const raw = list.undecodable.at(-1)?.rawKey;
  const key = item === undefined ? undefined : encodeUtf8(item.key);
  if (key === undefined || raw === undefined) return key ?? raw;
  return compareBytes(key, raw) > 0 ? key : raw;
}
