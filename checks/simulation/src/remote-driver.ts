import {
  type Capabilities,
  type ConfigStore,
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
  type ListResult,
  ListPage,
  type Page,
  type Revision,
  StoreError,
  toRevision,
  keySuccessor,
  encodeUtf8,
  compareBytes,
  type WatchSink,
} from '@holdfast/store';
import type { Link } from './link.js';
import type { Members } from './members.js';
import type { Random } from './random.js';
import { RemoteWatch } from './remote-watch.js';

export interface RemoteOptions {
  readonly link: Link;
  readonly members: Members;
  readonly count: (fault: string) => void;
  readonly random: Random;
  readonly backend: 'v3' | 'v2';
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

  constructor(store: ConfigStore, options: RemoteOptions) {
    super(store);
    this.#options = options;
    this.capabilities = options.backend === 'v2' ? { ...store.capabilities, ...LIKE_V2 } : store.capabilities;
  }

  get #link(): Link {
    return this.#options.link;
  }

  override get(key: string, options: DriverGetOptions, call: DriverCall) {
    return this.#read(options, call, (own) => super.get(key, own, NO_SIGNAL));
  }

  override list(range: KeyRange, options: DriverListOptions, call: DriverCall): Promise<ListResult> {
    return this.#read(options, call, (own) => super.list(range, own, NO_SIGNAL));
  }

  /** By any member. One that lags behind answers a linearizable read when it has caught up, and a serializable one with what it has. */
  #read<T, O extends DriverGetOptions>(options: O, call: DriverCall, run: (options: O) => Promise<T>): Promise<T> {
    const { members, random, count } = this.#options;
    const member = members.count === 1 ? 0 : random.below(members.count);
    return this.#link.call('read', call, async () => {
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
    });
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
    return this.#link.call('write', call, () => super.put(key, value, options, NO_SIGNAL));
  }

  override delete(range: KeyRange, options: DriverDeleteOptions, call: DriverCall) {
    return this.#link.call('write', call, () => super.delete(range, options, NO_SIGNAL));
  }

  override guardedPut(key: string, value: Uint8Array, guard: DriverGuard, options: DriverPutOptions, call: DriverCall) {
    return this.#link.call('write', call, () => super.guardedPut(key, value, guard, options, NO_SIGNAL));
  }

  override guardedDelete(key: string, guard: DriverGuard, options: DriverDeleteOptions, call: DriverCall) {
    return this.#link.call('write', call, () => super.guardedDelete(key, guard, options, NO_SIGNAL));
  }

  override txn(txn: DriverTxn, call: DriverCall) {
    return this.#link.call('write', call, () => super.txn(txn, NO_SIGNAL));
  }

  override compact(revision: Revision, options: { readonly physical: boolean }, call: DriverCall) {
    return this.#link.call('write', call, () => super.compact(revision, options, NO_SIGNAL));
  }

  override status(call: DriverCall) {
    return this.#link.call('read', call, () => super.status(NO_SIGNAL));
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

  protected override delegateLeases(store: ConfigStore): DriverLeases {
    const leases = super.delegateLeases(store);
    const link = () => this.#link;
    return {
      grant: (ttl, id, call) => link().call('write', call, () => leases.grant(ttl, id, NO_SIGNAL)),
      revoke: (id, call) => link().call('write', call, () => leases.revoke(id, NO_SIGNAL)),
      keepAlive: (id, call) => link().call('read', call, () => leases.keepAlive(id, NO_SIGNAL)),
      timeToLive: (id, options, call) => link().call('read', call, () => leases.timeToLive(id, options, NO_SIGNAL)),
      list: (call) => link().call('read', call, () => leases.list(NO_SIGNAL)),
    };
  }
}

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
