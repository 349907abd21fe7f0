import type { Capabilities } from './capabilities.js';
import { checkFlag, checkNames } from './check-options.js';
import { checkStore } from './check-store.js';
import { checkStorableKey } from './check-syntax.js';
import { writesAnything } from './check-txn.js';
import type { ConfigStore } from './config-store.js';
import { DelegatingDriver } from './delegate.js';
import { compareOf } from './derive.js';
import type {
  DriverCall,
  DriverCompare,
  DriverDeleteOptions,
  DriverGuard,
  DriverLeases,
  DriverOp,
  DriverPutOptions,
  DriverTxn,
} from './driver.js';
import { StoreError, toStoreError, withOutcome } from './errors.js';
import { quoted } from './excerpt.js';
import { GuardedStore } from './guarded-store.js';
import type { KeyValue } from './key-value.js';
import type { DeleteResult, GuardedDeleteResult, GuardedPutResult, PutResult } from './options.js';
import { KeyRange } from './range.js';
import type { OpResult, TxnResult } from './txn.js';

export interface FencedOptions {
  /** The key of the fence, in the view's own key space. While it is there, whatever its value, nothing is written. */
  readonly key: string;
  /** Closing the view closes the store too. Default: false. */
  readonly owned?: boolean | undefined;
}

/**
 * A view of a store whose writes are refused with `conflict`, outcome `not-applied`, while a key is there: so that all processes of an
 * application stop writing at the same moment, for example when their data moves to another store. Reads and watches pass.
 *
 * With capability `transactions: 'multi-key'`, each write is a transaction that compares the key: none comes in after the fence. Elsewhere the
 * key is read before each write, and a write that is under way when the fence is put up may still come in. A lease can't be compared
 * anywhere: `leases.revoke()` of a lease with keys looks at the key first, and leases run out as ever. A transaction may have one
 * operation less than the store takes.
 *
 * @throws StoreError `invalid-argument`
 */
export function fenced(store: ConfigStore, options: FencedOptions): ConfigStore {
  checkStore(store, 'fenced()');
  const given = checkNames(options, ['key', 'owned'], 'fenced()');
  // Read once: options may have getters.
  const key = checkStorableKey(given['key'], store.capabilities);
  const owned = checkFlag(given, 'owned');
  const Driver = store.capabilities.transactions === 'multi-key' ? ComparingDriver : AskingDriver;
  return new GuardedStore(new Driver(store, key, owned), { logger: GuardedStore.loggerOf(store) });
}

/** What both have: how a lease is revoked. */
class FencedDriver extends DelegatingDriver {
  protected readonly fence: string;

  constructor(store: ConfigStore, fence: string, owned: boolean) {
    super(store, { owned });
    this.fence = fence;
  }

  protected override delegateLeases(store: ConfigStore): DriverLeases {
    const leases = super.delegateLeases(store);
    return {
      ...leases,
      // It deletes the lease's keys, if it has any: the lease of a put that was refused has none.
      revoke: async (id, call) => {
        if (await this.isThere(call)) {
          const { keys } = await leases.timeToLive(id, { keys: true }, call).catch(notWritten);
          if (keys?.length !== 0) throw isFenced(this.fence);
        }
        await leases.revoke(id, call);
      },
    };
  }

  /** @throws StoreError what the read fails with; outcome `not-applied`, since it comes before a write */
  protected async isThere({ signal }: DriverCall): Promise<boolean> {
    const { count } = await this.store.list({ key: this.fence }, { countOnly: true, signal }).catch(notWritten);
    return count > 0;
  }
}

/** Each write is a transaction that compares the fence. */
class ComparingDriver extends FencedDriver {
  override readonly capabilities: Capabilities;

  constructor(...args: ConstructorParameters<typeof FencedDriver>) {
    super(...args);
    const { maxTxnOperations: most, ...others } = this.store.capabilities;
    // In a transaction a key can only live as long as a lease.
    const capabilities = { ...others, ttl: others.ttl && others.leases };
    // The caller's transaction is one operation of another.
    this.capabilities = most === undefined ? capabilities : { ...capabilities, maxTxnOperations: most - 1 };
  }

  override async put(key: string, value: Uint8Array, options: DriverPutOptions, call: DriverCall): Promise<PutResult> {
    return this.#run<PutResult>({ type: 'put', key, value, options }, call);
  }

  override delete(range: KeyRange, options: DriverDeleteOptions, call: DriverCall): Promise<DeleteResult> {
    return this.#run<DeleteResult>({ type: 'delete', range, options }, call);
  }

  override guardedPut(
    key: string,
    value: Uint8Array,
    guard: DriverGuard,
    options: DriverPutOptions,
    call: DriverCall,
  ): Promise<GuardedPutResult> {
    return this.#guarded<PutResult>(key, guard, { type: 'put', key, value, options }, call);
  }

  override guardedDelete(
    key: string,
    guard: DriverGuard,
    options: DriverDeleteOptions,
    call: DriverCall,
  ): Promise<GuardedDeleteResult> {
    return this.#guarded<DeleteResult>(key, guard, { type: 'delete', range: KeyRange.ofKey(key), options }, call);
  }

  override async txn(txn: DriverTxn, call: DriverCall): Promise<TxnResult> {
    if (!writesAnything(txn)) return super.txn(txn, call);
    return this.#run<TxnResult>({ type: 'txn', txn }, call);
  }

  async #run<R extends PutResult | DeleteResult | TxnResult>(op: DriverOp, call: DriverCall): Promise<R> {
    const { succeeded, results } = await super.txn({ if: [this.#isOpen], then: [op], else: [] }, call);
    if (!succeeded) throw isFenced(this.fence);
    return resultOf<R>(results[0], op);
  }

  /** Both branches are of one revision: so the second one tells which of the two compares failed. */
  async #guarded<R extends PutResult | DeleteResult>(
    key: string,
    guard: DriverGuard,
    op: DriverOp,
    call: DriverCall,
  ): Promise<({ readonly succeeded: true } & R) | { readonly succeeded: false; readonly current?: KeyValue }> {
    const { succeeded, results } = await super.txn(
      {
        if: [this.#isOpen, compareOf(KeyRange.ofKey(key), guard)],
        then: [op],
        else: [
          { type: 'get', key: this.fence },
          { type: 'get', key },
        ],
      },
      call,
    );
    if (succeeded) return { succeeded: true, ...resultOf<R>(results[0], op) };
    const [fence, current] = results;
    if (fence?.type !== 'get' || current?.type !== 'get') throw otherShape();
    if (fence.item !== undefined) throw isFenced(this.fence);
    return current.item === undefined ? { succeeded: false } : { succeeded: false, current: current.item };
  }

  get #isOpen(): DriverCompare {
    return { range: KeyRange.ofKey(this.fence), target: 'createRevision', op: '=', value: 0 };
  }
}

/** The fence is asked for before each write. */
class AskingDriver extends FencedDriver {
  async #ask(call: DriverCall): Promise<void> {
    if (await this.isThere(call)) throw isFenced(this.fence);
  }

  override async put(key: string, value: Uint8Array, options: DriverPutOptions, call: DriverCall): Promise<PutResult> {
    await this.#ask(call);
    return super.put(key, value, options, call);
  }

  override async delete(range: KeyRange, options: DriverDeleteOptions, call: DriverCall): Promise<DeleteResult> {
    await this.#ask(call);
    return super.delete(range, options, call);
  }

  override async guardedPut(
    key: string,
    value: Uint8Array,
    guard: DriverGuard,
    options: DriverPutOptions,
    call: DriverCall,
  ): Promise<GuardedPutResult> {
    await this.#ask(call);
    return super.guardedPut(key, value, guard, options, call);
  }

  override async guardedDelete(
    key: string,
    guard: DriverGuard,
    options: DriverDeleteOptions,
    call: DriverCall,
  ): Promise<GuardedDeleteResult> {
    await this.#ask(call);
    return super.guardedDelete(key, guard, options, call);
  }

  override async txn(txn: DriverTxn, call: DriverCall): Promise<TxnResult> {
    if (writesAnything(txn)) await this.#ask(call);
    return super.txn(txn, call);
  }
}

function isFenced(key: string): StoreError {
  const message = `writes are fenced: the key ${quoted(key)} is there; write to where the data is now, or delete that key in the store itself`;
  return new StoreError('conflict', message, { outcome: 'not-applied' });
}

function notWritten(error: unknown): never {
  throw withOutcome(toStoreError(error), 'not-applied');
}

function resultOf<R>(result: OpResult | undefined, { type }: DriverOp): R {
  if (result?.type !== type) throw otherShape();
  const { type: _, ...rest } = result;
  return rest as unknown as R;
}

function otherShape(): StoreError {
  return new StoreError('internal', 'the store answered a transaction with results of another shape', {
    outcome: 'unknown',
  });
}
