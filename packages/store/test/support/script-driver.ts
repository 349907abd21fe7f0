import { toRevision, type Capabilities, type ListResult } from '@holdfast/store';
import type { KeyRange, DriverCall, DriverWatchOptions, StoreDriver, WatchSink } from '@holdfast/store/adapter';

export const CAPABILITIES: Capabilities = {
  transactions: 'multi-key',
  history: 'until-compacted',
  compaction: true,
  leases: false,
  leaseListing: false,
  ttl: false,
  binaryValues: true,
  historicalReads: true,
  deltaReads: true,
  versions: true,
  progress: 'exact',
  keySyntax: 'any',
  guardReturnsCurrent: true,
  rangeDeletes: 'any',
  serializableReads: true,
  previousValues: true,
};

export const BOOKMARK = { revision: toRevision(7), identity: 'test' };

export const EMPTY: ListResult = { items: [], bookmark: BOOKMARK, count: 0, more: false, undecodable: [] };

/** The smallest driver there can be: it answers nothing, and notes what it was asked. A test overrides what it is about. */
export class ScriptDriver implements StoreDriver {
  readonly name = 'script';
  readonly calls: unknown[][] = [];
  readonly sinks: WatchSink[] = [];
  readonly events: string[] = [];
  readonly capabilities: Capabilities;

  constructor(capabilities: Partial<Capabilities> = {}) {
    this.capabilities = { ...CAPABILITIES, ...capabilities };
  }

  list(...args: Parameters<StoreDriver['list']>): Promise<ListResult> {
    this.calls.push(['list', ...args]);
    return Promise.resolve(EMPTY);
  }

  put(...args: Parameters<StoreDriver['put']>) {
    this.calls.push(['put', ...args]);
    return Promise.resolve({ revision: BOOKMARK.revision });
  }

  delete(...args: Parameters<StoreDriver['delete']>) {
    this.calls.push(['delete', ...args]);
    return Promise.resolve({ revision: BOOKMARK.revision, deleted: 0 });
  }

  watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink) {
    this.calls.push(['watch', range, options]);
    this.sinks.push(sink);
    return {
      resume: () => {
        this.events.push('resume');
      },
      close: () => {
        this.events.push('close');
        return Promise.resolve();
      },
    };
  }

  status() {
    return Promise.resolve({ version: '1', members: [], ...BOOKMARK });
  }

  close() {
    this.events.push('driver closed');
    return Promise.resolve();
  }
}

/** A call that only ends when it is given up. */
export function untilAborted({ signal }: DriverCall): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
}
