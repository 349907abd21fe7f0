import type {
  Capabilities,
  DeleteResult,
  ListResult,
  Page,
  PutResult,
  Revision,
  StoreStatus,
  TxnResult,
} from '@holdfast/store';
import {
  checkPutSize,
  checkTxnSize,
  followChanges,
  writesAnything,
  type DriverCall,
  type DriverDeleteOptions,
  type DriverLeases,
  type DriverListOptions,
  type DriverPutOptions,
  type DriverScanOptions,
  type DriverTxn,
  type DriverWatch,
  type DriverWatchOptions,
  type KeyRange,
  type RequestLimits,
  type StoreDriver,
  type WatchSink,
} from '@holdfast/adapter-kit';
import { Backend } from './backend.js';
import { postgresCapabilities } from './capabilities.js';
import { Compaction } from './upkeep/compaction.js';
import { Listener } from './follow/listener.js';
import { Tail } from './follow/tail.js';
import { Keeper } from './upkeep/keeper.js';
import { postgresLeases } from './leases/postgres-leases.js';
import type { Settings } from './options.js';
import { checkReadable, selectList, toList } from './reads/list-within.js';
import { runReadingTxn } from './reads/read-txn.js';
import { scanPages } from './reads/scan.js';
import { anyText, number, text } from './sql/literals.js';
import { bookmarkOf } from './sql/meta.js';
import { deleteJob, putJob, txnJob } from './writes/jobs.js';
import { WriteQueue } from './writes/write-queue.js';

/** A store in the tables of one schema. It only translates: the kit follows, lists and evaluates, and the database decides. */
export class PostgresDriver implements StoreDriver {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly endpoints: readonly string[];
  readonly keepsProcessAlive = false;
  readonly leases: DriverLeases;
  readonly #limits: RequestLimits;
  readonly #backend: Backend;
  readonly #queue: WriteQueue;
  readonly #keeper: Keeper;
  readonly #compaction: Compaction;
  readonly #follow: StoreDriver['watch'];

  constructor(settings: Settings) {
    const { clock, pollMs, progressMs } = settings;
    this.name = settings.name;
    this.#limits = settings.limits;
    this.capabilities = postgresCapabilities(settings.limits);
    this.#backend = new Backend(settings);
    this.endpoints = [this.#backend.endpoint];
    const listener = new Listener(this.#backend, settings);
    this.#queue = new WriteQueue(this.#backend, clock, () => {
      listener.ring();
    });
    this.#compaction = new Compaction(this.#backend, settings.history);
    this.#keeper = new Keeper(this.#backend, this.#queue, this.#compaction, clock);
    this.leases = this.#kept(postgresLeases(this.#backend, this.#queue));
    const tails = { true: new Tail(this.#backend, true), false: new Tail(this.#backend, false) };
    this.#follow = followChanges({
      head: async (signal) => {
        const { meta } = await this.#backend.read([], { signal });
        return bookmarkOf(meta);
      },
      changesSince: (after, query) => tails[`${query.previous}`].changesSince(after, query),
      doorbell: async (ring) => {
        const stop = await listener.doorbell(ring);
        return async () => {
          tails.true.clear();
          tails.false.clear();
          await stop();
        };
      },
      pollMs,
      progressMs,
      clock,
    });
  }

  async list(range: KeyRange, options: DriverListOptions, call: DriverCall): Promise<ListResult> {
    this.#keeper.begin();
    const { meta, results } = await this.#backend.read(selectList(this.#backend.tables, range, options), call);
    checkReadable(options.revision, meta);
    const [entries = [], count = []] = results;
    return { ...toList(entries, count, options), bookmark: bookmarkOf(meta, options.revision) };
  }

  scan(range: KeyRange, options: DriverScanOptions, call: DriverCall): AsyncIterable<Page> {
    this.#keeper.begin();
    return scanPages(this.#backend, range, options, call);
  }

  async put(key: string, value: Uint8Array, options: DriverPutOptions, { signal }: DriverCall): Promise<PutResult> {
    checkPutSize(key, value, this.#limits);
    this.#keeper.begin();
    return this.#queue.submit(putJob(key, value, options), signal);
  }

  delete(range: KeyRange, options: DriverDeleteOptions, { signal }: DriverCall): Promise<DeleteResult> {
    this.#keeper.begin();
    return this.#queue.submit(deleteJob(range, options), signal);
  }

  async txn(txn: DriverTxn, call: DriverCall): Promise<TxnResult> {
    checkTxnSize(txn, this.#limits);
    this.#keeper.begin();
    if (writesAnything(txn)) return this.#queue.submit(txnJob(txn), call.signal);
    const { tables } = this.#backend;
    for (let checks = 0; ; checks += 1) {
      const result = await this.#backend.use(
        (session) => runReadingTxn(session, tables, this.#backend.selectMeta, txn),
        call,
      );
      if (result !== undefined) return result;
      await this.#backend.checkAgain(checks, call.signal);
    }
  }

  watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    this.#keeper.begin();
    return this.#follow(range, options, sink);
  }

  async compact(
    revision: Revision,
    { physical }: { readonly physical: boolean },
    { signal }: DriverCall,
  ): Promise<void> {
    this.#keeper.begin();
    await this.#compaction.compact(revision, physical, signal);
  }

  async status(call: DriverCall): Promise<StoreStatus> {
    this.#keeper.begin();
    const { versions, store, leases, marks } = this.#backend.tables;
    const size = [versions, store, leases, marks].map((table) => `pg_total_relation_size(${anyText(table)})`);
    const { meta, results } = await this.#backend.read(
      [`SELECT current_setting('server_version'), ${size.join(' + ')}`],
      call,
    );
    const row = results[0]?.[0];
    const { revision, identity } = bookmarkOf(meta);
    return { version: text(row, 0), members: [], revision, identity, sizeBytes: number(row, 1) };
  }

  async close(): Promise<void> {
    // What is under way is ended first, so that a server that does not answer keeps nobody waiting.
    await Promise.all([this.#keeper.close(), this.#backend.connections.close()]);
  }

  /** A lease that was granted is looked after. */
  #kept(leases: DriverLeases): DriverLeases {
    const begin = () => {
      this.#keeper.begin();
    };
    return {
      grant: (...given) => (begin(), leases.grant(...given)),
      revoke: (...given) => (begin(), leases.revoke(...given)),
      keepAlive: (...given) => (begin(), leases.keepAlive(...given)),
      timeToLive: (...given) => (begin(), leases.timeToLive(...given)),
      list: (...given) => (begin(), leases.list(...given)),
    };
  }
}
