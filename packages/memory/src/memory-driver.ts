import type {
  Capabilities,
  DeleteResult,
  KeyValue,
  Lease,
  LeaseId,
  LeaseStatus,
  ListResult,
  Page,
  PutResult,
  Revision,
  StoreStatus,
  TxnResult,
} from '@holdfast/store';
import type {
  DriverCall,
  DriverDeleteOptions,
  DriverGetOptions,
  DriverLeases,
  DriverListOptions,
  DriverPutOptions,
  DriverScanOptions,
  DriverTxn,
  DriverWatch,
  DriverWatchOptions,
  KeyRange,
  StoreDriver,
  WatchSink,
} from '@holdfast/store/adapter';
import { v3Capabilities } from '@holdfast/adapter-kit';
import { bytesToByteString } from './data/byte-string.js';
import type { Engine } from './engine/engine.js';
import { scanPages } from './engine/scan.js';
import { asRevision } from './entries/entries.js';
import { VERSION } from './version.js';

/** One handle on an {@link Engine}: translates between the contract and the store's own terms. */
export class MemoryDriver implements StoreDriver {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly leases: DriverLeases;
  readonly #engine: Engine;
  #closed = false;

  constructor(engine: Engine, options: { readonly name: string }) {
    this.#engine = engine;
    this.name = options.name;
    // There is one copy of the data: no read is ever stale.
    this.capabilities = v3Capabilities(engine.limits);
    this.leases = this.#makeLeases();
    engine.open();
  }

  async get(key: string, { revision }: DriverGetOptions): Promise<KeyValue | undefined> {
    const version = this.#engine.get(key, revision);
    return version === undefined ? undefined : this.#engine.entries.keyValue(version);
  }

  async list(range: KeyRange, options: DriverListOptions): Promise<ListResult> {
    const { versions, count, more } = this.#engine.list(range, options);
    return {
      ...this.#engine.entries.split(versions, options.keysOnly),
      count,
      more,
      bookmark: this.#engine.bookmark(options.revision),
    };
  }

  scan(range: KeyRange, options: DriverScanOptions, call: DriverCall): AsyncIterable<Page> {
    return scanPages(this.#engine, range, options, call);
  }

  async put(key: string, value: Uint8Array, options: DriverPutOptions): Promise<PutResult> {
    const replaced = this.#engine.put(key, value, options);
    const revision = this.#head();
    const previous = options.previous && replaced !== undefined ? this.#engine.entries.keyValue(replaced) : undefined;
    return previous === undefined ? { revision } : { revision, previous };
  }

  async delete(range: KeyRange, options: DriverDeleteOptions): Promise<DeleteResult> {
    const deleted = this.#engine.delete(range);
    const result = { revision: this.#head(), deleted: deleted.length };
    return options.previous ? { ...result, previous: this.#engine.entries.split(deleted).items } : result;
  }

  async txn(txn: DriverTxn): Promise<TxnResult> {
    return this.#engine.txn(txn);
  }

  watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    return this.#engine.hub.watch(range, options, sink);
  }

  async compact(revision: Revision, { physical }: { readonly physical: boolean }): Promise<void> {
    const reclaimed = this.#engine.compact(revision);
    if (physical) await reclaimed;
  }

  async status(): Promise<StoreStatus> {
    return {
      version: VERSION,
      members: [],
      revision: this.#head(),
      identity: this.#engine.identity,
      sizeBytes: this.#engine.history.sizeBytes,
    };
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#engine.close();
  }

  /** Writes a key that need not be UTF-8. */
  injectRaw(key: Uint8Array, value: Uint8Array): Revision {
    this.#engine.putRaw(bytesToByteString(key), value);
    return this.#head();
  }

  #head(): Revision {
    return asRevision(this.#engine.history.head);
  }

  #makeLeases(): DriverLeases {
    const engine = this.#engine;
    return {
      grant: async (ttl: number, id: LeaseId | undefined): Promise<Lease> => plain(engine.grant(ttl, id)),
      revoke: async (id: LeaseId): Promise<void> => {
        engine.revoke(id);
      },
      keepAlive: async (id: LeaseId): Promise<Lease> => plain(engine.keepAlive(id)),
      timeToLive: async (id: LeaseId, { keys }: { readonly keys: boolean }): Promise<LeaseStatus> => {
        const lease = engine.lease(id);
        const ttl = Math.ceil(engine.leaseLeftMs(lease) / 1_000);
        const status = { id, grantedTtl: lease.ttl, ttl };
        if (!keys) return status;
        const attached = [...lease.keys].sort((a, b) => (a.key < b.key ? -1 : 1));
        return { ...status, keys: attached.flatMap(({ name }) => (name === undefined ? [] : [name])) };
      },
      list: async (): Promise<readonly LeaseId[]> => engine.leases().map(({ id }) => id),
    };
  }
}

function plain({ id, ttl }: Lease): Lease {
  return { id, ttl };
}
