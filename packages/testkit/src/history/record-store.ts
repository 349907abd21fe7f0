import {
  isStoreError,
  StoreError,
  type CallOptions,
  type CompactOptions,
  type ConfigStore,
  type GetOptions,
  type ListOptions,
  type Range,
  type Txn,
  type ValueInput,
  type WatchOptions,
} from '@holdfast/store';
import { checkStore, messageOf } from '@holdfast/store/adapter';
import { checkText } from '../check.js';
import type { Call } from './history.js';
import { recordWatch } from './record-watch.js';
import { checkRecorder, type Recorder } from './recorder.js';

/** The same store, with every call, answer and watch written down under the client's name. */
export function recordStore(store: ConfigStore, recorder: Recorder, client: string): ConfigStore {
  checkStore(store, 'recordStore()');
  checkRecorder(recorder, 'recordStore(store, recorder)');
  checkText(client, 'recordStore(store, recorder, client)', "'reader 1'");
  const recorded = {
    get: (key: string, options?: GetOptions) =>
      record(recorder, client, { type: 'get', key, options: options ?? {} }, () => store.get(key, options)),
    list: (range: Range, options?: ListOptions) =>
      record(recorder, client, { type: 'list', range, options: options ?? {} }, () => store.list(range, options)),
    put: (key: string, value: ValueInput, options?: object) =>
      record(recorder, client, { type: 'put', key, value, options: options ?? {} }, () =>
        store.put(key, value, options),
      ),
    delete: (range: Range, options?: object) =>
      record(recorder, client, { type: 'delete', range, options: options ?? {} }, () => store.delete(range, options)),
    txn: (txn: Txn, options?: CallOptions) =>
      record(recorder, client, { type: 'txn', txn }, () => store.txn(txn, options)),
    compact: (revision: number, options?: CompactOptions) =>
      record(recorder, client, { type: 'compact', revision, options: options ?? {} }, () =>
        store.compact(revision, options),
      ),
    watch: (range: Range, options?: WatchOptions) =>
      recordWatch(store.watch(range, options), recorder, { client, range, options: options ?? {} }),
  };
  return new Proxy(store, {
    get(_target, name) {
      if (name in recorded) return recorded[name as keyof typeof recorded];
      const value: unknown = Reflect.get(store, name, store);
      return typeof value === 'function' ? (value.bind(store) as unknown) : value;
    },
  });
}

async function record<T>(recorder: Recorder, client: string, call: Call, run: () => Promise<T>): Promise<T> {
  const end = recorder.invoke(client, call);
  try {
    const answer = await run();
    end({ call: { ...call, answer } as Call, outcome: { status: 'answered' } });
    return answer;
  } catch (error) {
    const failure = isStoreError(error) ? error : new StoreError('internal', messageOf(error), { cause: error });
    end({ call, outcome: { status: 'failed', error: failure } });
    throw error;
  }
}
