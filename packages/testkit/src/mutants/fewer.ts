import { CompactedError, StoreError, type Capabilities, type ConfigStore } from '@holdfast/store';
import {
  createStore,
  DelegatingDriver,
  type DriverCall,
  type DriverDeleteOptions,
  type DriverWatch,
  type DriverWatchOptions,
  type KeyRange,
  type ReadingDriver,
  WatchPump,
  type WatchSink,
} from '@holdfast/store/adapter';
import { LateWatch } from './late-watch.js';

// Healthy stores that can do less than the memory store, so that the cases for such stores run, and are shown to catch broken ones.

class FewerDriver extends DelegatingDriver {
  override readonly capabilities: Capabilities;

  constructor(store: ConfigStore, fewer: Partial<Capabilities>) {
    super(store, { owned: true });
    this.capabilities = { ...store.capabilities, ...fewer };
  }
}

/** A store that takes keys and values up to a length only. */
export function limited(store: ConfigStore, limits: Pick<Capabilities, 'maxKeyBytes' | 'maxValueBytes'>): ConfigStore {
  return createStore(new FewerDriver(store, limits));
}

/** A store without leases. */
export function withoutLeases(store: ConfigStore): ConfigStore {
  return createStore(new FewerDriver(store, { leases: false, leaseListing: false, ttl: false }));
}

/** A store that can only be read. */
export function withoutWrites(store: ConfigStore): ConfigStore {
  const driver = new FewerDriver(store, { writes: false, leases: false, leaseListing: false, ttl: false });
  const reading: ReadingDriver = {
    name: driver.name,
    capabilities: { ...driver.capabilities, writes: false },
    get: (...args) => driver.get(...args),
    list: (...args) => driver.list(...args),
    scan: (...args) => driver.scan(...args),
    txn: (...args) => driver.txn(...args),
    watch: (...args) => driver.watch(...args),
    compact: (...args) => driver.compact(...args),
    status: (...args) => driver.status(...args),
    close: () => driver.close(),
  };
  return createStore(reading);
}

/** A store that deletes exact directories only, and tells each of their keys. */
export function onlyDirectories(store: ConfigStore): ConfigStore {
  return createStore(new DirectoriesDriver(store, { rangeDeletes: 'directory', rangeDeleteEvents: 'delete' }));
}

class DirectoriesDriver extends FewerDriver {
  override async delete(range: KeyRange, options: DriverDeleteOptions, call: DriverCall) {
    const given = range.toRange();
    const prefix = typeof given === 'object' && 'prefix' in given ? given.prefix : undefined;
    if (range.key === undefined && !(typeof prefix === 'string' && prefix.endsWith('/'))) {
      throw new StoreError('unsupported', 'only directories can be deleted here');
    }
    return super.delete(range, options, call);
  }
}

/** A store whose watches resume from its head alone. */
export function withoutHistory(store: ConfigStore): ConfigStore {
  return createStore(new NoHistoryDriver(store, { history: 'none', compaction: false }));
}

class NoHistoryDriver extends FewerDriver {
  override watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    const { after } = options;
    if (after === undefined) return super.watch(range, options, sink);
    const open = async () => {
      const { revision, identity } = await this.store.status();
      if (after.identity === identity && after.revision < revision) {
        throw new CompactedError('there is no history here', { compactRevision: revision, revision });
      }
      return this.store.watch(range.toRange(), options);
    };
    return new WatchPump(new LateWatch(open), sink);
  }
}
