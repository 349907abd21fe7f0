import {
  type Bookmark,
  type Capabilities,
  type KeyValue,
  type ListResult,
  type OpResult,
  type Page,
  type StoreStatus,
  StoreError,
  toRevision,
  type TxnResult,
} from '@holdfast/store';
import {
  type DriverCall,
  type DriverListOptions,
  type DriverScanOptions,
  type DriverTxn,
  type DriverWatch,
  type DriverWatchOptions,
  KeyRange,
  ListPage,
  type StoreDriver,
  type WatchSink,
} from '@holdfast/store/adapter';
import type { ModelServer } from '../server/model-server.js';
import type { Price, ReadShape, Tariff } from '../server/tariff.js';
import type { Connection } from './connection.js';

/** What etcd v3 can do, as far as mirrors use it. */
const CAPABILITIES: Capabilities = {
  transactions: 'multi-key',
  history: 'until-compacted',
  compaction: true,
  leases: false,
  leaseListing: false,
  ttl: false,
  binaryValues: true,
  historicalReads: true,
  deltaReads: true,
  versions: true,
  progress: 'exact',
  keySyntax: 'any',
  guardReturnsCurrent: true,
  rangeDeletes: 'any',
  serializableReads: true,
  previousValues: true,
};

/** The adapter's first page, and how many keys of 530 bytes the others have. */
const FIRST_PAGE = 1_000;
const PAGE = 4_000;

export interface FleetDriverOptions {
  readonly server: ModelServer;
  readonly tariff: Tariff;
  readonly connection: Connection;
  readonly watch: (options: DriverWatchOptions, sink: WatchSink) => DriverWatch;
}

/** The store as one client of the fleet has it. It only reads and watches. */
export class FleetDriver implements StoreDriver {
  readonly name = 'simulated';
  readonly capabilities = CAPABILITIES;
  readonly #options: FleetDriverOptions;

  constructor(options: FleetDriverOptions) {
    this.#options = options;
  }

  list(range: KeyRange, options: DriverListOptions, call: DriverCall): Promise<ListResult> {
    return this.#read(
      () => this.#priceOf(range, options),
      () => this.#listNow(range, options),
      call,
    );
  }

  async *scan(range: KeyRange, options: DriverScanOptions, call: DriverCall): AsyncGenerator<Page> {
    const { server, tariff } = this.#options;
    const base = { ...options, limit: undefined, countOnly: false, sort: undefined };
    if (options.minModRevision !== undefined) {
      yield new ListPage(await this.list(range, base, call), false);
      return;
    }
    const pages = 1 + Math.ceil(Math.max(0, tariff.keys - FIRST_PAGE) / PAGE);
    let revision = options.revision;
    for (let page = 0; page < pages; page += 1) {
      const pinned = { ...base, revision };
      const list = await this.#read(
        () => tariff.page(options.keysOnly, pages),
        () => part(this.#listNow(range, pinned), page, pages),
        call,
      );
      revision ??= list.bookmark.revision;
      const bookmark = server.history.bookmark(revision);
      yield new ListPage({ ...list, bookmark }, page < pages - 1);
    }
  }

  async txn({ if: conditions, then }: DriverTxn, call: DriverCall): Promise<TxnResult> {
    const reads = then.map((op) => {
      if (conditions.length > 0 || (op.type !== 'list' && op.type !== 'get')) throw unsupported('writes');
      return op.type === 'get'
        ? { range: KeyRange.ofKey(op.key), options: SINGLE }
        : { range: op.range, options: op.options };
    });
    const { server } = this.#options;
    const price = (): Price => ({
      kind: 'transaction',
      costMs: reads.reduce((sum, { range, options }) => sum + this.#priceOf(range, options).costMs, 0),
    });
    const lists = await this.#readMany(
      price,
      () => reads.map(({ range, options }) => this.#listNow(range, options)),
      call,
    );
    const results = lists.map((list): OpResult => ({ type: 'list', ...list }));
    return { succeeded: true, revision: toRevision(server.history.head), results };
  }

  watch(_range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    return this.#options.watch(options, sink);
  }

  put(): Promise<never> {
    return Promise.reject(unsupported('writes'));
  }

  delete(): Promise<never> {
    return Promise.reject(unsupported('writes'));
  }

  status(): Promise<StoreStatus> {
    return Promise.reject(unsupported('status'));
  }

  close(): Promise<void> {
    this.#options.connection.close();
    return Promise.resolve();
  }

  /** The head, by a read of one key. */
  async head(signal: AbortSignal): Promise<Bookmark> {
    return (await this.list(KeyRange.ofKey(this.#options.server.history.prefix), SINGLE, { signal })).bookmark;
  }

  #read(price: () => Price, answer: () => ListResult, call: DriverCall): Promise<ListResult> {
    const { connection, tariff } = this.#options;
    const clientMs = ({ items }: ListResult): number => items.length * tariff.scale * tariff.client.item;
    return connection.call({ price, answer, clientMs }, call);
  }

  #readMany(price: () => Price, answer: () => readonly ListResult[], call: DriverCall): Promise<readonly ListResult[]> {
    return this.#options.connection.call({ price, answer, clientMs: () => 0 }, call);
  }

  #priceOf(range: KeyRange, options: DriverListOptions): Price {
    const { server, tariff } = this.#options;
    const { minModRevision, revision } = options;
    const shape: ReadShape = {
      isSingleKey: range.key !== undefined,
      countOnly: options.countOnly,
      keysOnly: options.keysOnly,
      limit: options.limit,
      isSorted: options.sort !== undefined,
      isDelta: minModRevision !== undefined,
      isPast: revision !== undefined,
    };
    const items =
      shape.isDelta || shape.limit === undefined
        ? server.history.at(undefined).filter(({ modRevision }) => modRevision >= (minModRevision ?? 0)).length
        : Infinity;
    return tariff.list(shape, items);
  }

  #listNow(range: KeyRange, options: DriverListOptions): ListResult {
    const { server, tariff } = this.#options;
    const { history } = server;
    const all = history.at(options.revision).filter(({ key }) => range.contains(key));
    const { minModRevision = 0, sort, limit = Infinity } = options;
    const wanted = options.countOnly ? [] : all.filter(({ modRevision }) => modRevision >= minModRevision);
    const sorted = sort === undefined ? wanted : [...wanted].sort(byRevision(sort));
    // A limit is of the keys that these stand for.
    const most = Math.max(1, Math.floor(limit / tariff.scale));
    const cut = Number.isFinite(limit) ? sorted.slice(0, most) : sorted;
    const items = options.keysOnly ? cut.map(withoutValue) : cut;
    return {
      items,
      bookmark: history.bookmark(options.revision),
      count: all.length,
      more: items.length < wanted.length,
      undecodable: [],
    };
  }
}

const SINGLE: DriverListOptions = {
  revision: undefined,
  consistency: 'linearizable',
  limit: undefined,
  keysOnly: false,
  countOnly: true,
  minModRevision: undefined,
  sort: undefined,
};

const NOTHING = new Uint8Array();

function withoutValue(entry: KeyValue): KeyValue {
  return { ...entry, value: NOTHING };
}

function byRevision({ target, order }: NonNullable<DriverListOptions['sort']>) {
  if (target !== 'modRevision') throw unsupported(`a sort by ${target}`);
  const sign = order === 'ascend' ? 1 : -1;
  return (a: KeyValue, b: KeyValue): number => sign * (a.modRevision - b.modRevision) || (a.key < b.key ? -1 : 1);
}

function part(list: ListResult, page: number, pages: number): ListResult {
  const at = (index: number): number => Math.floor((index * list.items.length) / pages);
  return { ...list, items: list.items.slice(at(page), at(page + 1)) };
}

function unsupported(what: string): StoreError {
  return new StoreError('unsupported', `the simulated store has no ${what}`);
}
