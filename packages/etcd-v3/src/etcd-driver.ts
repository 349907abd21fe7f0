import type {
  Capabilities,
  Clock,
  KeyValue,
  ListResult,
  Page,
  PutResult,
  DeleteResult,
  Revision,
  StoreStatus,
  TxnResult,
} from '@holdfast/store';
import type {
  AssumedHistory,
  DriverCall,
  DriverDeleteOptions,
  DriverGetOptions,
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
import { ETCD_V3_CAPABILITIES } from './capabilities.js';
import type { Connection } from './connection/connection.js';
import { Kv } from './kv/kv.js';
import { EtcdLeases } from './kv/leases.js';
import type { ResolvedOptions } from './options.js';
import { scan } from './kv/scan.js';
import { readStatus } from './kv/status.js';
import { runTxn } from './kv/txn.js';
import { WatchManager } from './watch/watch.js';

/** The contract's driver for etcd v3. Each operation is in the file named after it. */
export class EtcdDriver implements StoreDriver {
  readonly name = 'etcd-v3';
  // Calls and watches share connections, so that these can't tell what is waited for.
  readonly keepsProcessAlive = false;
  readonly capabilities: Capabilities;
  readonly leases: EtcdLeases;
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #kv: Kv;
  readonly #watches: WatchManager;

  constructor(connection: Connection, options: ResolvedOptions) {
    this.capabilities = { ...ETCD_V3_CAPABILITIES, ...options.limits };
    const { clock, random, logger, retry, watch, maxResponseBytes } = options;
    this.#connection = connection;
    this.#clock = clock;
    this.#kv = new Kv(this.#connection, clock);
    this.leases = new EtcdLeases(this.#connection);
    this.#watches = new WatchManager(this.#connection, {
      ...{ clock, random, logger, maxResponseBytes, backoff: retry },
      ...watch,
    });
  }

  get endpoints(): readonly string[] {
    return this.#connection.endpoints;
  }

  get raftTerm(): number | undefined {
    return this.#watches.raftTerm;
  }

  assumeHistory({ identity, raftTerm }: AssumedHistory): void {
    if (!this.#connection.assumeIdentity(identity)) return;
    if (raftTerm !== undefined) this.#watches.assume(identity, raftTerm);
  }

  get(key: string, options: DriverGetOptions, call: DriverCall): Promise<KeyValue | undefined> {
    return this.#kv.get(key, options, call);
  }

  list(range: KeyRange, options: DriverListOptions, call: DriverCall): Promise<ListResult> {
    return this.#kv.list(range, options, call);
  }

  scan(range: KeyRange, options: DriverScanOptions, call: DriverCall): AsyncIterable<Page> {
    return scan(this.#kv, range, options, call);
  }

  put(key: string, value: Uint8Array, options: DriverPutOptions, call: DriverCall): Promise<PutResult> {
    return this.#kv.put(key, value, options, call);
  }

  delete(range: KeyRange, options: DriverDeleteOptions, call: DriverCall): Promise<DeleteResult> {
    return this.#kv.delete(range, options, call);
  }

  txn(txn: DriverTxn, call: DriverCall): Promise<TxnResult> {
    return runTxn(this.#connection, this.#clock, txn, call);
  }

  watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    return this.#watches.watch(range, options, sink);
  }

  compact(revision: Revision, { physical }: { readonly physical: boolean }, call: DriverCall): Promise<void> {
    return this.#kv.compact(revision, physical, call);
  }

  status(call: DriverCall): Promise<StoreStatus> {
    return readStatus(this.#connection, call);
  }

  async close(): Promise<void> {
    await this.#watches.close();
    this.#connection.close();
  }
}
