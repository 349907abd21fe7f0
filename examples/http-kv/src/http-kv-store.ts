import {
  createStore,
  followChanges,
  listItems,
  type CreateStoreOptions,
  type DriverCompare,
  type DriverOp,
  type DriverPutOptions,
  type DriverTxn,
  type Doorbell,
  type KeyRange,
  type StoreDriver,
} from '@holdfast/adapter-kit';
import {
  StoreError,
  toRevision,
  type Capabilities,
  type ConfigStore,
  type KeyValue,
  type OpResult,
  type StoreAdapter,
  type WatchEvent,
} from '@holdfast/store';
import { REMEMBERED } from './server.js';
import type { Change, ChangesAnswer, Condition, EntriesAnswer, Entry, Head, Step, WriteAnswer } from './server.js';
import { ServiceClient } from './service-client.js';

// The adapter, written by docs/writing-an-adapter.md.

const CAPABILITIES = {
  transactions: 'single-key',
  history: { events: REMEMBERED },
  compaction: false,
  leases: false,
  leaseListing: false,
  ttl: false,
  binaryValues: true,
  historicalReads: false,
  deltaReads: true,
  versions: false,
  progress: 'exact',
  keySyntax: 'any',
  guardReturnsCurrent: true,
  rangeDeletes: 'any',
  serializableReads: false,
  previousValues: true,
} as const satisfies Capabilities;

/** One handle on the service at an endpoint such as `127.0.0.1:8080`. */
export function httpKvStore(endpoint: string, options?: CreateStoreOptions): ConfigStore {
  return createStore(driverOf(new ServiceClient(endpoint), options), options);
}

/** Opens `http-kv://HOST:PORT`. */
export const httpKv: StoreAdapter = {
  scheme: 'http-kv',
  open: ({ endpoints: [endpoint = '127.0.0.1:8080'] }, options) => httpKvStore(endpoint, options),
};

function driverOf(client: ServiceClient, options: CreateStoreOptions | undefined): StoreDriver {
  const read = (signal: AbortSignal | undefined) => client.get<EntriesAnswer>('/entries', signal);
  return {
    name: 'http-kv',
    endpoints: [client.endpoint],
    capabilities: CAPABILITIES,

    async list(range, listOptions, { signal }) {
      const { entries, ...head } = await read(signal);
      const items = entries.filter(({ key }) => range.contains(key)).map(toKeyValue);
      return { ...listItems(items, listOptions), bookmark: toHead(head) };
    },

    async put(key, value, options, { signal }) {
      checkOptions(options);
      const request = { key, if: [], then: { put: base64(value) } };
      const { revision, before } = await client.post<WriteAnswer>('/key', request, signal);
      return {
        revision: toRevision(revision),
        ...(options.previous && before[0] && { previous: toKeyValue(before[0]) }),
      };
    },

    async delete(range, { previous }, { signal }) {
      const { revision, before } = await client.post<WriteAnswer>('/delete', bounds(range), signal);
      const deleted = { revision: toRevision(revision), deleted: before.length };
      return previous ? { ...deleted, previous: sorted(before) } : deleted;
    },

    /** Guarded writes are made of it. */
    async txn(txn, { signal }) {
      const key = onlyKey(txn);
      const request = { key, if: txn.if.map(toCondition), then: toStep(txn.then), else: toStep(txn.else) };
      const { held, revision, before } = await client.post<WriteAnswer>('/key', request, signal);
      let entry = before.map(toKeyValue)[0];
      const results = (held ? txn.then : txn.else).map((op): OpResult => {
        if (op.type === 'get') return { type: 'get', item: entry };
        const previous = entry;
        entry = undefined;
        const at = toRevision(revision);
        if (op.type !== 'put') {
          const all = previous === undefined ? [] : [previous];
          const deleted = { type: 'delete', revision: at, deleted: all.length } as const;
          return op.type === 'delete' && op.options.previous ? { ...deleted, previous: all } : deleted;
        }
        entry = { key, value: op.value, createRevision: previous?.createRevision ?? at, modRevision: at };
        return { type: 'put', revision: at, ...(op.options.previous && previous && { previous }) };
      });
      return { succeeded: held, revision: toRevision(revision), results };
    },

    watch: followChanges({
      head: async (signal) => toHead(await read(signal)),
      // The service answers with its head, what it has forgotten, and the changes, all of one moment.
      changesSince: async (after, { signal }) => {
        const { forgotten, changes, ...head } = await client.get<ChangesAnswer>(`/changes?after=${after}`, signal);
        return {
          identity: head.identity,
          head: toRevision(head.revision),
          compacted: forgotten,
          events: changes.map(toEvent),
        };
      },
      doorbell: doorbellOf(client),
      pollMs: 500,
      clock: options?.clock,
    }),

    async status({ signal }) {
      return { version: '1', members: [], ...toHead(await read(signal)) };
    },

    close: () => Promise.resolve(),
  };
}

/** Rings when the service answers a long request: there was a change, or it is time for the next request. */
function doorbellOf(client: ServiceClient): Doorbell {
  return (ring) => {
    const closing = new AbortController();
    const listen = async () => {
      let after = 0;
      while (!closing.signal.aborted) {
        const { revision } = await client.get<Head>(`/wait?after=${after}`, closing.signal);
        after = revision;
        ring();
      }
    };
    // Where the service is gone, the watch looks every pollMs, which tells it so.
    const listening = (async () => {
      while (!closing.signal.aborted) {
        await listen().catch(() => undefined);
        if (!closing.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 100));
      }
    })();
    return async () => {
      closing.abort();
      await listening;
    };
  };
}

function checkOptions({ ignoreValue, ignoreLease }: DriverPutOptions): void {
  if (!ignoreValue && !ignoreLease) return;
  throw new StoreError('unsupported', 'the service keeps no part of an entry: leave ignoreValue and ignoreLease out', {
    outcome: 'not-applied',
  });
}

/** The service decides about one key at a time. */
function onlyKey({ if: compares, then, else: otherwise }: DriverTxn): string {
  const ops = [...then, ...otherwise];
  const keys = new Set([
    ...compares.map(({ range }) => range.key),
    ...ops.map((op) => ('range' in op ? op.range.key : 'key' in op ? op.key : undefined)),
  ]);
  const [key] = keys;
  const writes = [then, otherwise].map((branch) => branch.filter(({ type }) => type !== 'get').length);
  if (key !== undefined && keys.size === 1 && Math.max(...writes) <= 1 && ops.every(({ type }) => SIMPLE.has(type)))
    return key;
  throw new StoreError('unsupported', 'the service has transactions of one key, with one write: make several of them', {
    outcome: 'not-applied',
  });
}

const SIMPLE: ReadonlySet<string> = new Set(['get', 'put', 'delete']);

function toCondition({ target, op, value }: DriverCompare): Condition {
  switch (target) {
    case 'createRevision':
      return { of: 'created', is: op, than: value };
    case 'modRevision':
      return { of: 'modified', is: op, than: value };
    case 'value':
      return { of: 'value', is: op, than: base64(value) };
    case 'version':
      // Whether there is such a key at all.
      if (value === 0) return { of: 'created', is: op, than: 0 };
      break;
    case 'lease':
      break;
  }
  throw new StoreError('unsupported', `the service compares no ${target}: compare values or revisions`, {
    outcome: 'not-applied',
  });
}

function toStep(ops: readonly DriverOp[]): Step | undefined {
  for (const op of ops) {
    if (op.type === 'put') {
      checkOptions(op.options);
      return { put: base64(op.value) };
    }
    if (op.type === 'delete') return { delete: true };
  }
  return undefined;
}

function toEvent({ revision, key, after, before }: Change): WatchEvent {
  const common = { revision: toRevision(revision), ...(before && { previous: toKeyValue(before) }) };
  if (after === undefined) return { type: 'delete', key, ...common };
  return { type: 'put', current: toKeyValue(after), isCreate: before === undefined, ...common };
}

function toKeyValue({ key, value, created, modified }: Entry): KeyValue {
  const bytes = new Uint8Array(Buffer.from(value, 'base64'));
  return { key, value: bytes, createRevision: toRevision(created), modRevision: toRevision(modified) };
}

function toHead({ identity, revision }: Head) {
  return { identity, revision: toRevision(revision) };
}

function bounds({ start, end }: Pick<KeyRange, 'start' | 'end'>) {
  return { start: base64(start), ...(end && { end: base64(end) }) };
}

function sorted(entries: readonly Entry[]): readonly KeyValue[] {
  return entries.map(toKeyValue).sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
