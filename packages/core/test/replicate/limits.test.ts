// Values that are longer than the target takes.
import { describe, expect, it } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { type ConfigStore, type GuardedPutResult, StoreError, type TxnResult } from '@holdfast/store';
import {
  DelegatingDriver,
  type DriverCall,
  type DriverGuard,
  type DriverPutOptions,
  type DriverTxn,
  GuardedStore,
} from '@holdfast/store/adapter';
import { likeV2 } from '../support/scripted-store.js';
import { held, pair, TO } from './support.js';

const MOST_BYTES = 1_000;

/** A server with a limit that it does not tell. */
class Limited extends DelegatingDriver {
  override guardedPut(
    key: string,
    value: Uint8Array,
    guard: DriverGuard,
    options: DriverPutOptions,
    call: DriverCall,
  ): Promise<GuardedPutResult> {
    if (value.length > MOST_BYTES) return Promise.reject(tooLarge());
    return super.guardedPut(key, value, guard, options, call);
  }

  override txn(txn: DriverTxn, call: DriverCall): Promise<TxnResult> {
    const bytes = txn.then.reduce((sum, op) => sum + (op.type === 'put' ? op.value.length : 0), 0);
    return bytes > MOST_BYTES ? Promise.reject(tooLarge()) : super.txn(txn, call);
  }
}

function tooLarge(): StoreError {
  return new StoreError('too-large', 'the request is larger than the server takes', { outcome: 'not-applied' });
}

describe.each([
  ['with transactions', (store: ConfigStore) => store],
  ['without transactions of many keys', (store: ConfigStore) => likeV2(store).store],
])('a target %s', (_, made) => {
  it('gets everything but a value that is too long for it, which is listed', async () => {
    const data = memoryStore();
    const world = pair({ target: new GuardedStore(new Limited(made(data))) });
    try {
      const { source, run } = world;
      await source.put('/a/1', 'one');
      await source.put('/a/2', 'x'.repeat(2_000));
      const replication = await world.start({ onConflict: 'skip' });
      await source.put('/a/3', 'three');
      await run(replication.sync());
      expect(await held(data, TO)).toEqual({ 1: 'one', 3: 'three' });
      expect(replication.conflicts()).toMatchObject([{ key: '/a/2', resolution: 'left' }]);
      await source.put('/a/2', 'short by now');
      await run(replication.sync());
      expect(await held(data, TO)).toEqual({ 1: 'one', 2: 'short by now', 3: 'three' });
      expect(replication.conflicts()).toEqual([]);
    } finally {
      await world.close();
      await data.close();
    }
  });
});
