import type { ConfigStore, KeyValue, ListResult, WatchBatch, WatchEvent } from '@holdfast/store';
import {
  DelegatingDriver,
  type DriverCall,
  type DriverGetOptions,
  type DriverListOptions,
  type DriverWatch,
  type DriverWatchOptions,
  GuardedStore,
  type KeyRange,
  WatchPump,
  type WatchSink,
} from '@holdfast/store/adapter';
import { likeV2, scriptedStore } from '../support/scripted-store.js';

/** A store with what etcd v2 has: transactions of one key, and keys with a time to live, without leases. Closing it leaves `store` open. */
export function timedStore(store: ConfigStore): ConfigStore {
  const { store: withoutLeases } = scriptedStore(likeV2(store).store, { leases: false, leaseListing: false });
  return new GuardedStore(new TimedDriver(withoutLeases));
}

class TimedDriver extends DelegatingDriver {
  override async get(key: string, options: DriverGetOptions, call: DriverCall): Promise<KeyValue | undefined> {
    const item = await super.get(key, options, call);
    return item && timed(item);
  }

  override async list(range: KeyRange, options: DriverListOptions, call: DriverCall): Promise<ListResult> {
    const list = await super.list(range, options, call);
    return { ...list, items: list.items.map(timed) };
  }

  override watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    return new WatchPump(this.store.watch(range.toRange(), options), sink, (batch): WatchBatch => ({
      ...batch,
      events: batch.events.map((event): WatchEvent =>
        event.type === 'put' ? { ...event, current: timed(event.current) } : event,
      ),
    }));
  }
}

function timed({ lease: _, ...item }: KeyValue): KeyValue {
  return item;
}
