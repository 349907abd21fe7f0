import {
  type Capabilities,
  type ConfigStore,
  type ListResult,
  type Page,
  StoreError,
  toRevision,
} from '@holdfast/store';
import {
  type AssumedHistory,
  type CallKind,
  type DelegatingDriver,
  type DriverCall,
  type DriverGetOptions,
  type DriverListOptions,
  type DriverRequest,
  type DriverScanOptions,
  type DriverWatch,
  type DriverWatchOptions,
  type KeyRange,
  KeyRange as Ranges,
  InterceptedDriver,
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
export class RemoteDriver extends InterceptedDriver {
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

  assumeHistory({ identity }: AssumedHistory): void {
    this.#options.connections?.assume(identity);
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

  /** By whoever serves it. */
  protected override intercept<T>(kind: CallKind, call: DriverCall, request: DriverRequest<T>): Promise<T> {
    const { connections } = this.#options;
    if (connections === undefined) return this.#link.call(kind, call, () => request(this.direct, NO_SIGNAL));
    return connections.call(kind, call, ({ driver }) => request(driver, NO_SIGNAL));
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
    return this.#link.call('read', call, () => this.#answer(member, options, (own) => run(this.direct, own)));
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
