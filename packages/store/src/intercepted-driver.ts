import type { CallKind } from './call.js';
import type { ConfigStore } from './config-store.js';
import { DelegatingDriver } from './delegate.js';
import type {
  DriverCall,
  DriverDeleteOptions,
  DriverGetOptions,
  DriverGuard,
  DriverLeases,
  DriverListOptions,
  DriverPutOptions,
  DriverTxn,
} from './driver.js';
import { StoreError } from './errors.js';
import type { KeyRange } from './range.js';
import type { Revision } from './revision.js';

/** A call of a driver, to be made on whichever driver answers it. */
export type DriverRequest<T> = (driver: DelegatingDriver, call: DriverCall) => Promise<T>;

/**
 * A driver over another store, all of whose calls pass one place: for a link that fails, or for counting. `scan` and `watch` go past it.
 */
export abstract class InterceptedDriver extends DelegatingDriver {
  /** Makes calls on the store below. */
  protected readonly direct: DelegatingDriver;

  constructor(store: ConfigStore) {
    super(store);
    this.direct = new DelegatingDriver(store);
  }

  /** Makes a call, or fails in its place. Without more it is `request(this.direct, call)`. */
  protected abstract intercept<T>(kind: CallKind, call: DriverCall, request: DriverRequest<T>): Promise<T>;

  override get(key: string, options: DriverGetOptions, call: DriverCall) {
    return this.intercept('read', call, (driver, own) => driver.get(key, options, own));
  }

  override list(range: KeyRange, options: DriverListOptions, call: DriverCall) {
    return this.intercept('read', call, (driver, own) => driver.list(range, options, own));
  }

  override put(key: string, value: Uint8Array, options: DriverPutOptions, call: DriverCall) {
    return this.intercept('write', call, (driver, own) => driver.put(key, value, options, own));
  }

  override delete(range: KeyRange, options: DriverDeleteOptions, call: DriverCall) {
    return this.intercept('write', call, (driver, own) => driver.delete(range, options, own));
  }

  override guardedPut(key: string, value: Uint8Array, guard: DriverGuard, options: DriverPutOptions, call: DriverCall) {
    return this.intercept('write', call, (driver, own) => driver.guardedPut(key, value, guard, options, own));
  }

  override guardedDelete(key: string, guard: DriverGuard, options: DriverDeleteOptions, call: DriverCall) {
    return this.intercept('write', call, (driver, own) => driver.guardedDelete(key, guard, options, own));
  }

  override txn(txn: DriverTxn, call: DriverCall) {
    return this.intercept('write', call, (driver, own) => driver.txn(txn, own));
  }

  override compact(revision: Revision, options: { readonly physical: boolean }, call: DriverCall) {
    return this.intercept('write', call, (driver, own) => driver.compact(revision, options, own));
  }

  override status(call: DriverCall) {
    return this.intercept('read', call, (driver, own) => driver.status(own));
  }

  protected override delegateLeases(): DriverLeases {
    return {
      grant: (ttl, id, call) => this.intercept('write', call, (driver, own) => leasesOf(driver).grant(ttl, id, own)),
      revoke: (id, call) => this.intercept('write', call, (driver, own) => leasesOf(driver).revoke(id, own)),
      keepAlive: (id, call) => this.intercept('read', call, (driver, own) => leasesOf(driver).keepAlive(id, own)),
      timeToLive: (id, options, call) =>
        this.intercept('read', call, (driver, own) => leasesOf(driver).timeToLive(id, options, own)),
      list: (call) => this.intercept('read', call, (driver, own) => leasesOf(driver).list(own)),
    };
  }
}

function leasesOf({ leases }: DelegatingDriver): DriverLeases {
  if (leases === undefined) throw new StoreError('unsupported', 'the store has no leases');
  return leases;
}
