import type {
  DeleteResult,
  GuardedDeleteResult,
  GuardedPutResult,
  KeyValue,
  ListResult,
  Page,
  PutResult,
  StoreStatus,
  TxnResult,
} from '@holdfast/store';
import type {
  AssumedHistory,
  DriverCall,
  DriverDeleteOptions,
  DriverGetOptions,
  DriverGuard,
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
import { ETCD_V2_CAPABILITIES } from './capabilities.js';
import type { Connection } from './connection/connection.js';
import { Kv } from './kv/kv.js';
import type { ResolvedOptions } from './options.js';
import { get, list, scan } from './kv/reads.js';
import { readStatus } from './kv/status.js';
import { runTxn } from './kv/txn.js';
import { WatchManager } from './watch/watch.js';

/** The contract's driver for etcd v2. Each operation is in the file named after it. */
export class EtcdDriver implements StoreDriver {
  readonly name = 'etcd-v2';
  // Calls and watches share connections, so that these can't tell what is waited for.
  readonly keepsProcessAlive = false;
  readonly capabilities = ETCD_V2_CAPABILITIES;
  readonly #connection: Connection;
  readonly #kv: Kv;
  readonly #watches: WatchManager;

  constructor(connection: Connection, { clock, random, logger, retry }: ResolvedOptions) {
    this.#connection = connection;
    this.#kv = new Kv(connection);
    this.#watches = new WatchManager(connection, { clock, random, logger, retry });
  }

  get endpoints(): readonly string[] {
    return this.#connection.endpoints.map(({ name }) => name);
  }

  get raftTerm(): number | undefined {
    return this.#connection.lastSeen?.raftTerm;
  }

  assumeHistory({ identity }: AssumedHistory): void {
    this.#connection.assumeIdentity(identity);
  }

  get(key: string, options: DriverGetOptions, call: DriverCall): Promise<KeyValue | undefined> {
    return get(this.#connection, key, options, call);
  }

  list(range: KeyRange, options: DriverListOptions, call: DriverCall): Promise<ListResult> {
    return list(this.#connection, range, options, call);
  }

  scan(range: KeyRange, options: DriverScanOptions, call: DriverCall): AsyncIterable<Page> {
    return scan(this.#connection, range, options, call);
  }

  put(key: string, value: Uint8Array, options: DriverPutOptions, call: DriverCall): Promise<PutResult> {
    return this.#kv.put(key, value, options, call);
  }

  delete(range: KeyRange, options: DriverDeleteOptions, call: DriverCall): Promise<DeleteResult> {
    return this.#kv.delete(range, options, call);
  }

  guardedPut(
    key: string,
    value: Uint8Array,
    guard: DriverGuard,
    options: DriverPutOptions,
    call: DriverCall,
  ): Promise<GuardedPutResult> {
    return this.#kv.guardedPut(key, value, guard, options, call);
  }

  guardedDelete(
    key: string,
    guard: DriverGuard,
    options: DriverDeleteOptions,
    call: DriverCall,
  ): Promise<GuardedDeleteResult> {
    return this.#kv.guardedDelete(key, guard, options, call);
  }

  txn(txn: DriverTxn, call: DriverCall): Promise<TxnResult> {
    return runTxn(this.#connection, this.#kv, txn, call);
  }

  watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    return this.#watches.watch(range, options, sink);
  }

  status(call: DriverCall): Promise<StoreStatus> {
    return readStatus(this.#connection, call);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}
