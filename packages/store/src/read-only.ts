import { checkFlag, checkNames } from './check-options.js';
import { checkStore } from './check-store.js';
import type { ConfigStore } from './config-store.js';
import { DelegatingDriver } from './delegate.js';
import type { DriverLeases, DriverOp, DriverTxn, DriverCall } from './driver.js';
import { refusedLocally, StoreError } from './errors.js';
import { GuardedStore } from './guarded-store.js';
import type { TxnResult } from './txn.js';

/**
 * A view of a store through which nothing can be changed: every write, compaction and change of a lease is refused with
 * `permission-denied` before anything is sent. Transactions that only read pass. Closing the view leaves the store open.
 */
export function readOnly(store: ConfigStore, options: { readonly owned?: boolean } = {}): ConfigStore {
  checkStore(store, 'readOnly()');
  checkFlag(checkNames(options, ['owned'], 'readOnly()'), 'owned');
  return new GuardedStore(new ReadOnlyDriver(store, options), { logger: GuardedStore.loggerOf(store) });
}

class ReadOnlyDriver extends DelegatingDriver {
  protected override delegateLeases(store: ConfigStore): DriverLeases {
    return { ...super.delegateLeases(store), grant: refuse, revoke: refuse, keepAlive: refuse };
  }

  override put = refuse;
  override delete = refuse;
  override guardedPut = refuse;
  override guardedDelete = refuse;
  override compact = refuse;

  override txn(txn: DriverTxn, call: DriverCall): Promise<TxnResult> {
    return writes(txn) ? refuse() : super.txn(txn, call);
  }
}

function writes(txn: DriverTxn): boolean {
  const isWrite = (op: DriverOp): boolean =>
    op.type === 'put' || op.type === 'delete' || (op.type === 'txn' && writes(op.txn));
  return txn.then.some(isWrite) || txn.else.some(isWrite);
}

function refuse(): Promise<never> {
  return Promise.reject(
    refusedLocally(
      new StoreError('permission-denied', 'this is a read-only view of the store; write through the store itself', {
        outcome: 'not-applied',
      }),
    ),
  );
}
