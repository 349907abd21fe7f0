import { quoted } from './excerpt.js';
import { bytesEqual, checkKey, encodeUtf8 } from './bytes.js';
import type { Capabilities } from './capabilities.js';
import type { ConfigStore } from './config-store.js';
import { DelegatingDriver, WatchPump } from './delegate.js';
import type {
  DriverCall,
  DriverDeleteOptions,
  DriverGetOptions,
  DriverGuard,
  DriverLeases,
  DriverListOptions,
  DriverOp,
  DriverPutOptions,
  DriverScanOptions,
  DriverTxn,
  DriverWatch,
  DriverWatchOptions,
  WatchSink,
} from './driver.js';
import { checkFlag, checkNames, invalid } from './check-options.js';
import { checkStore } from './check-store.js';
import { StoreError } from './errors.js';
import { GuardedStore } from './guarded-store.js';
import type { KeyValue, UndecodableKey } from './key-value.js';
import type {
  DeleteResult,
  GuardedDeleteResult,
  GuardedPutResult,
  GuardFailed,
  ListResult,
  Page,
  PutResult,
} from './options.js';
import { PrefixPage } from './prefix-page.js';
import { KeyRange, keySuccessor, prefixEnd, type Range } from './range.js';
import type { OpResult, TxnResult } from './txn.js';
import type { WatchBatch, WatchEvent } from './watch.js';

/**
 * A view of the part of a store below `prefix`. Keys are passed and returned without the prefix. Nothing outside can be
 * read, written or watched. The whole key is the prefix and the key, with nothing between them: in a view of `/app-`, the key
 * `limits` is `/app-limits`. For a directory write the slash, as in `/app/`. `compact` and the listing of leases concern the whole
 * store: here they are `unsupported`. Closing the view closes its watches; the store itself stays open unless `options.owned`.
 */
export function withPrefix(
  store: ConfigStore,
  prefix: string,
  options: { readonly owned?: boolean } = {},
): ConfigStore {
  checkStore(store, 'withPrefix()');
  if (typeof (prefix as unknown) !== 'string')
    throw invalid('withPrefix() takes a prefix such as /app/ as its second argument');
  checkFlag(checkNames(options, ['owned'], 'withPrefix()'), 'owned');
  if (prefix === '') throw new StoreError('invalid-argument', 'the prefix of a view must not be empty');
  checkKey(prefix);
  return new GuardedStore(new PrefixDriver(store, prefix, options), { logger: GuardedStore.loggerOf(store) });
}

class PrefixDriver extends DelegatingDriver {
  readonly #prefix: string;
  readonly #prefixBytes: Uint8Array;
  override readonly capabilities: Capabilities;
  /** All keys of the view, as keys of the store below. */
  readonly #everything: KeyRange;

  constructor(store: ConfigStore, prefix: string, options: { readonly owned?: boolean }) {
    super(store, options);
    this.#prefix = prefix;
    this.#prefixBytes = encodeUtf8(prefix);
    const { capabilities } = store;
    // Below `/app/` a key begins without a slash. The store below checks the whole key.
    const keySyntax = prefix.endsWith('/') ? 'any' : capabilities.keySyntax;
    const { maxKeyBytes } = capabilities;
    this.capabilities = {
      ...capabilities,
      ...(maxKeyBytes !== undefined && { maxKeyBytes: Math.max(1, maxKeyBytes - this.#prefixBytes.length) }),
      compaction: false,
      leaseListing: false,
      keySyntax,
    };
    // The prefix itself would be the empty key here, and keys are never empty. Where keys are paths, no key is named
    // `/app/`, and a directory can only be deleted by its exact prefix. A view of a path store may have other keys itself.
    this.#everything =
      (capabilities.keySyntax === 'path' || capabilities.rangeDeletes === 'directory') && prefix.endsWith('/')
        ? KeyRange.ofPrefix(prefix)
        : KeyRange.ofInterval(keySuccessor(this.#prefixBytes), prefixEnd(this.#prefixBytes));
  }

  override get view(): { readonly store: ConfigStore; readonly prefix: string } {
    return { store: this.store, prefix: this.#prefix };
  }

  protected override delegateLeases(store: ConfigStore): DriverLeases {
    const leases = super.delegateLeases(store);
    return {
      ...leases,
      timeToLive: async (id, options, call) => {
        const { keys, ...status } = await leases.timeToLive(id, options, call);
        if (keys === undefined) return status;
        return { ...status, keys: keys.filter((key) => this.#everything.contains(key)).map((key) => this.#inner(key)) };
      },
    };
  }

  override async get(key: string, options: DriverGetOptions, call: DriverCall): Promise<KeyValue | undefined> {
    const item = await super.get(this.#outer(key), options, call);
    return item && this.#innerItem(item);
  }

  override async list(range: KeyRange, options: DriverListOptions, call: DriverCall): Promise<ListResult> {
    return this.#innerList(await super.list(this.#outerRange(range), options, call));
  }

  override async *scan(range: KeyRange, options: DriverScanOptions, call: DriverCall): AsyncIterable<Page> {
    for await (const page of super.scan(this.#outerRange(range), options, call)) {
      yield new PrefixPage(
        page,
        (key) => this.#inner(key),
        page.undecodable.map((key) => this.#innerRaw(key)),
      );
    }
  }

  override async put(key: string, value: Uint8Array, options: DriverPutOptions, call: DriverCall): Promise<PutResult> {
    return this.#innerWrite(await super.put(this.#outer(key), value, options, call));
  }

  override async delete(range: KeyRange, options: DriverDeleteOptions, call: DriverCall): Promise<DeleteResult> {
    return this.#innerDelete(await super.delete(this.#outerRange(range), options, call));
  }

  override async guardedPut(
    key: string,
    value: Uint8Array,
    guard: DriverGuard,
    options: DriverPutOptions,
    call: DriverCall,
  ): Promise<GuardedPutResult> {
    const result = await super.guardedPut(this.#outer(key), value, guard, options, call);
    return result.succeeded ? this.#innerWrite(result) : this.#innerFailure(result);
  }

  override async guardedDelete(
    key: string,
    guard: DriverGuard,
    options: DriverDeleteOptions,
    call: DriverCall,
  ): Promise<GuardedDeleteResult> {
    const result = await super.guardedDelete(this.#outer(key), guard, options, call);
    return result.succeeded ? this.#innerDelete(result) : this.#innerFailure(result);
  }

  override async txn(txn: DriverTxn, call: DriverCall): Promise<TxnResult> {
    return this.#innerTxn(await super.txn(this.#outerTxn(txn), call));
  }

  override watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    const outer = this.#outerRange(range);
    return new WatchPump(this.store.watch(outer.toRange(), options), sink, (batch) => this.#innerBatch(batch, outer));
  }

  #outer(key: string): string {
    return this.#prefix + key;
  }

  #outerRange(range: KeyRange): KeyRange {
    if (range.key !== undefined) return KeyRange.ofKey(this.#outer(range.key));
    if (range.prefix === '') return this.#everything;
    if (range.prefix !== undefined) return KeyRange.ofPrefix(this.#outer(range.prefix));
    return KeyRange.ofInterval(
      Buffer.concat([this.#prefixBytes, range.start]),
      range.end === undefined ? prefixEnd(this.#prefixBytes) : Buffer.concat([this.#prefixBytes, range.end]),
    );
  }

  #outerTxn(txn: DriverTxn): DriverTxn {
    const outerOp = (op: DriverOp): DriverOp => {
      switch (op.type) {
        case 'put':
        case 'get':
          return { ...op, key: this.#outer(op.key) };
        case 'delete':
        case 'list':
          return { ...op, range: this.#outerRange(op.range) };
        case 'txn':
          return { type: 'txn', txn: this.#outerTxn(op.txn) };
      }
    };
    return {
      if: txn.if.map((compare) => ({ ...compare, range: this.#outerRange(compare.range) })),
      then: txn.then.map(outerOp),
      else: txn.else.map(outerOp),
    };
  }

  /** @throws StoreError `internal` where the store gave a key that is not in the view: cut off, it would be another key */
  #inner(key: string): string {
    if (key.length > this.#prefix.length && key.startsWith(this.#prefix)) return key.slice(this.#prefix.length);
    throw this.#foreign(quoted(key.slice(0, 200)));
  }

  #foreign(key: string): StoreError {
    const message = `the ${this.name} store gave key ${key}, which is not below ${quoted(this.#prefix)}`;
    return new StoreError('internal', message, { retryable: true });
  }

  #innerItem(item: KeyValue): KeyValue {
    return { ...item, key: this.#inner(item.key) };
  }

  #innerRaw(key: UndecodableKey): UndecodableKey {
    const { length } = this.#prefixBytes;
    const { rawKey } = key;
    if (rawKey.length <= length || !bytesEqual(rawKey.subarray(0, length), this.#prefixBytes)) {
      throw this.#foreign(`0x${Buffer.from(rawKey.subarray(0, 200)).toString('hex')}`);
    }
    return { ...key, rawKey: rawKey.subarray(length) };
  }

  #innerList<L extends ListResult>(list: L): L {
    return {
      ...list,
      items: list.items.map((item) => this.#innerItem(item)),
      undecodable: list.undecodable.map((key) => this.#innerRaw(key)),
    };
  }

  #innerWrite<W extends PutResult>(result: W): W {
    return result.previous === undefined ? result : { ...result, previous: this.#innerItem(result.previous) };
  }

  #innerDelete<D extends DeleteResult>(result: D): D {
    if (result.previous === undefined) return result;
    return { ...result, previous: result.previous.map((item) => this.#innerItem(item)) };
  }

  #innerFailure(result: GuardFailed): GuardFailed {
    return result.current === undefined ? result : { ...result, current: this.#innerItem(result.current) };
  }

  #innerTxn(result: TxnResult): TxnResult {
    const innerResult = (op: OpResult): OpResult => {
      switch (op.type) {
        case 'put':
          return this.#innerWrite(op);
        case 'delete':
          return this.#innerDelete(op);
        case 'get':
          return { type: 'get', item: op.item && this.#innerItem(op.item) };
        case 'list':
          return this.#innerList(op);
        case 'txn':
          return { type: 'txn', ...this.#innerTxn(op) };
      }
    };
    return { ...result, results: result.results.map(innerResult) };
  }

  #innerBatch(batch: WatchBatch, watched: KeyRange): WatchBatch {
    return {
      ...batch,
      events: batch.events.flatMap((event) => this.#innerEvent(event, watched)),
      undecodable: batch.undecodable.map((key) => this.#innerRaw(key)),
    };
  }

  #innerEvent(event: WatchEvent, watched: KeyRange): WatchEvent[] {
    switch (event.type) {
      case 'put':
        return [
          {
            ...event,
            current: this.#innerItem(event.current),
            ...(event.previous && { previous: this.#innerItem(event.previous) }),
          },
        ];
      case 'delete':
        return [
          {
            ...event,
            key: this.#inner(event.key),
            ...(event.previous && { previous: this.#innerItem(event.previous) }),
          },
        ];
      case 'delete-range': {
        // A directory above the prefix contains the whole view. Only the watched part is reported.
        const range = KeyRange.from(event.range).intersect(watched)?.intersect(this.#everything);
        return range === undefined ? [] : [{ ...event, range: this.#innerRange(range) }];
      }
    }
  }

  /** @param range a part of {@link #everything}: it holds a key of the view, so that it never comes out as nothing */
  #innerRange(range: KeyRange): Range {
    if (this.#everything.within(range)) return { prefix: '' };
    if (range.key !== undefined) return { key: this.#inner(range.key) };
    if (range.prefix !== undefined) return { prefix: this.#inner(range.prefix) };
    const { length } = this.#prefixBytes;
    const endsInside = range.end !== undefined && KeyRange.ofPrefix(this.#prefix).contains(range.end);
    return KeyRange.ofInterval(
      range.start.subarray(length),
      endsInside ? range.end.subarray(length) : undefined,
    ).toRange();
  }
}
