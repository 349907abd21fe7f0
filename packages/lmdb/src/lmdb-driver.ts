import {
  checkPutSize,
  checkTxnSize,
  encodeUtf8,
  followChanges,
  runTxnSync,
  type DriverCall,
  type DriverDeleteOptions,
  type DriverGetOptions,
  type DriverLeases,
  type DriverListOptions,
  type DriverPutOptions,
  type DriverScanOptions,
  type DriverTxn,
  type DriverWatchMethod,
  type KeyRange,
  type RequestLimits,
  type StoreDriver,
  writesAnything,
} from '@holdfast/adapter-kit';
import type {
  Capabilities,
  DeleteResult,
  KeyValue,
  ListResult,
  Page,
  PutResult,
  Revision,
  StoreStatus,
  TxnResult,
} from '@holdfast/store';
import { lmdbCapabilities } from './capabilities.js';
import { keyBytes } from './data/utf8.js';
import { decodeStored } from './data/records.js';
import type { Engine } from './engine/engine.js';
import { makeLeases } from './writes/driver-leases.js';
import { split, toKeyValue } from './reads/entries.js';
import type { ResolvedOptions } from './options.js';
import { getEntry, listEntries } from './reads/list.js';
import { scanPages } from './reads/scan.js';
import { checkPut, keysOf, TxnState } from './writes/txn-state.js';
import { VERSION } from './version.js';

export type LmdbDriverOptions = RequestLimits & Pick<ResolvedOptions, 'name' | 'pollMs' | 'progressMs' | 'clock'>;

/** One handle on an {@link Engine}: translates between the contract and the store's own terms. */
export class LmdbDriver implements StoreDriver {
  readonly name: string;
  readonly capabilities: Capabilities;
  /** LMDB's threads keep the process alive only while they commit. */
  readonly keepsProcessAlive = false;
  readonly leases: DriverLeases;
  readonly watch: DriverWatchMethod;
  readonly #engine: Engine;
  readonly #limits: RequestLimits;

  constructor(engine: Engine, options: LmdbDriverOptions) {
    this.#engine = engine;
    this.#limits = options;
    this.name = options.name;
    this.capabilities = lmdbCapabilities(options);
    this.leases = makeLeases(engine);
    const { pollMs, progressMs, clock } = options;
    this.watch = followChanges({
      head: () => engine.head(),
      changesSince: (after, query) => engine.changesSince(after, query),
      doorbell: (ring) => engine.doorbell.listen(ring),
      pollMs,
      progressMs,
      clock,
    });
    engine.open();
  }

  async get(key: string, { revision }: DriverGetOptions): Promise<KeyValue | undefined> {
    return this.#engine.readInTurn((tables) => getEntry(tables, keyBytes(key), revision));
  }

  async list(range: KeyRange, options: DriverListOptions): Promise<ListResult> {
    return this.#engine.readInTurn((tables) => listEntries(tables, range, options));
  }

  scan(range: KeyRange, options: DriverScanOptions, call: DriverCall): AsyncIterable<Page> {
    return scanPages(this.#engine, range, options, call);
  }

  async put(key: string, value: Uint8Array, options: DriverPutOptions, { signal }: DriverCall): Promise<PutResult> {
    checkPutSize(key, value, this.#limits);
    const bytes = key.length + value.length;
    this.#engine.checkRoom(bytes);
    // Callers may reuse their array before the write has its turn.
    const kept = new Uint8Array(value);
    const name = keyBytes(key);
    return this.#engine.write(
      (txn) => {
        checkPut(txn, (lease) => txn.requireLease(lease), key, options);
        const { tables } = txn;
        return txn.revise((draft) => {
          const { ignoreValue, ignoreLease } = options;
          const present = ignoreValue || ignoreLease ? tables.entries.get(name) : undefined;
          const before = present && decodeStored(present);
          const replaced = draft.put(
            name,
            ignoreValue && before !== undefined ? before.value : kept,
            ignoreLease ? before?.lease : options.lease,
          );
          const revision = draft.revision as Revision;
          const previous = options.previous && replaced && toKeyValue(tables, { key: name, entry: replaced });
          return previous ? { revision, previous } : { revision };
        });
      },
      { bytes, signal },
    );
  }

  async delete(range: KeyRange, options: DriverDeleteOptions, { signal }: DriverCall): Promise<DeleteResult> {
    return this.#engine.write(
      (txn) => {
        const deleted = txn.revise((draft) =>
          keysOf(txn.tables, range).flatMap((key) => {
            const entry = draft.delete(key);
            return entry === undefined ? [] : [{ key, entry }];
          }),
        );
        const result = { revision: txn.state.head as Revision, deleted: deleted.length };
        return options.previous ? { ...result, previous: split(txn.tables, deleted).items } : result;
      },
      { signal },
    );
  }

  async txn(txn: DriverTxn, { signal }: DriverCall): Promise<TxnResult> {
    checkTxnSize(txn, this.#limits);
    const bytes = bytesOf(txn);
    if (bytes > 0) this.#engine.checkRoom(bytes);
    return this.#engine.write((write) => write.revise((draft) => runTxnSync(txn, new TxnState(write, draft))), {
      bytes,
      signal,
    });
  }

  async compact(
    revision: Revision,
    { physical }: { readonly physical: boolean },
    { signal }: DriverCall,
  ): Promise<void> {
    const { freed } = await this.#engine.compact(revision, signal);
    if (physical) await freed;
    else freed.catch(() => undefined);
  }

  async status(): Promise<StoreStatus> {
    const { revision, identity } = this.#engine.head();
    return { version: VERSION, members: [], revision, identity, sizeBytes: this.#engine.sizeBytes() };
  }

  async close(): Promise<void> {
    await this.#engine.close();
  }

  /** Writes a key that need not be UTF-8. */
  async putRaw(key: Uint8Array, value: Uint8Array): Promise<Revision> {
    return this.#engine.write((txn) =>
      txn.revise((draft) => {
        draft.put(key, value, undefined);
        return draft.revision as Revision;
      }),
    );
  }
}

/** How much a transaction may bring, by its puts. */
function bytesOf(txn: DriverTxn): number {
  if (!writesAnything(txn)) return 0;
  let bytes = 0;
  for (const op of [...txn.then, ...txn.else]) {
    if (op.type === 'put') bytes += encodeUtf8(op.key).length + op.value.length;
    else if (op.type === 'txn') bytes += bytesOf(op.txn);
  }
  return bytes;
}
