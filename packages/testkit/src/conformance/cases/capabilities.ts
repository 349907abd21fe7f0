import type { Capabilities } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, expectTrue, show } from '../expect.js';

type Check = (value: unknown) => boolean;

const flag: Check = (value) => typeof value === 'boolean';
const oneOf =
  (...values: unknown[]): Check =>
  (value) =>
    values.includes(value);
const limit: Check = (value) => value === undefined || (Number.isSafeInteger(value) && (value as number) > 0);
const history: Check = (value) =>
  value === 'until-compacted' ||
  value === 'none' ||
  (typeof value === 'object' && value !== null && Number.isSafeInteger((value as { events?: unknown }).events));

const CHECKS: { readonly [Name in keyof Required<Capabilities>]: Check } = {
  transactions: oneOf('multi-key', 'single-key'),
  history,
  compaction: flag,
  leases: flag,
  leaseListing: flag,
  ttl: flag,
  binaryValues: flag,
  historicalReads: flag,
  deltaReads: flag,
  versions: flag,
  progress: oneOf('exact', 'events-only'),
  keySyntax: oneOf('any', 'path'),
  guardReturnsCurrent: flag,
  rangeDeletes: oneOf('any', 'directory'),
  serializableReads: flag,
  previousValues: flag,
  writes: oneOf(undefined, true, false),
  rangeDeleteEvents: oneOf(undefined, 'delete', 'delete-range'),
  maxKeyBytes: limit,
  maxValueBytes: limit,
  maxTxnOperations: limit,
  maxRequestBytes: limit,
};

export const capabilityCases: readonly ConformanceCase[] = [
  {
    id: 'C15.declared-as-data',
    clauses: ['C15'],
    writes: 'none',
    title: 'capabilities are plain data: every one declared, of its type, the same after JSON, and for every handle',
    async run(context) {
      const { capabilities, store } = context;
      for (const [name, check] of Object.entries(CHECKS)) {
        const value: unknown = capabilities[name as keyof Capabilities];
        expectTrue(check(value), `capability ${name} must not be ${show(value)}`);
      }
      const unknown = Object.keys(capabilities).filter((name) => !(name in CHECKS));
      expectEqual(unknown, [], 'capabilities that the contract does not know');
      expectEqual(JSON.parse(JSON.stringify(capabilities)), capabilities, 'the capabilities after JSON');
      expectEqual((await context.connect()).capabilities, capabilities, "another handle's capabilities");
      expectTrue(store.name !== '', 'the store must have a name');
    },
  },
  {
    id: 'C15.leases-imply-ttl',
    clauses: ['C15'],
    writes: 'none',
    title: 'a store with leases has ttl, and one with compaction keeps history until then',
    async run({ capabilities }) {
      expectTrue(!capabilities.leases || capabilities.ttl, 'a store with leases must take ttl');
      expectTrue(
        !capabilities.compaction || capabilities.history === 'until-compacted',
        `a store with compaction must keep its history until then, not ${show(capabilities.history)}`,
      );
    },
  },
  {
    id: 'C15.undeclared-previous-is-unsupported',
    clauses: ['C15', 'C6'],
    title: 'a store without previous values refuses to give them, before anything is written',
    requires: { previousValues: false },
    async run({ store, key, all }) {
      await store.put(key('a'), '1');
      await expectStoreError(() => store.put(key('a'), '2', { previous: true }), 'unsupported', 'put with previous');
      await expectStoreError(() => store.delete(key('a'), { previous: true }), 'unsupported', 'delete with previous');
      await expectStoreError(
        async () => store.watch(all, { previous: true }).ready,
        'unsupported',
        'watch with previous',
      );
      expectTrue((await store.get(key('a'))) !== undefined, 'the key must still be there');
    },
  },
];
