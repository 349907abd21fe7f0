import type { ConfigStore, Range } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, expectTrue } from '../expect.js';

/** Every call of a store, with arguments that it would take. */
function everyCall(
  store: ConfigStore,
  key: (name: string) => string,
  all: Range,
): [string, (signal?: AbortSignal) => Promise<unknown>][] {
  const { capabilities, leases } = store;
  const scan = async (signal?: AbortSignal) => {
    for await (const page of store.scan(all, { signal })) return page;
    return undefined;
  };
  const calls: [string, (signal?: AbortSignal) => Promise<unknown>][] = [
    ['get', (signal) => store.get(key('a'), { signal })],
    ['list', (signal) => store.list(all, { signal })],
    ['scan', scan],
    ['put', (signal) => store.put(key('a'), 'x', { signal })],
    ['guarded put', (signal) => store.put(key('a'), 'x', { ifAbsent: true, signal })],
    ['delete', (signal) => store.delete(key('a'), { signal })],
    ['guarded delete', (signal) => store.delete(key('a'), { ifValue: 'x', signal })],
    ['watch', (signal) => store.watch(all, { signal }).ready],
    ['status', (signal) => store.status({ signal })],
  ];
  if (capabilities.transactions === 'multi-key') {
    calls.push(['txn', (signal) => store.txn({ then: [{ type: 'put', key: key('a'), value: 'x' }] }, { signal })]);
  }
  if (capabilities.compaction) calls.push(['compact', (signal) => store.compact(1, { signal })]);
  if (capabilities.leases) {
    calls.push(
      ['leases.grant', (signal) => leases.grant(60, { signal })],
      ['leases.revoke', (signal) => leases.revoke('1', { signal })],
      ['leases.keepAlive', (signal) => leases.keepAlive('1', { signal })],
      ['leases.timeToLive', (signal) => leases.timeToLive('1', { signal })],
    );
  }
  if (capabilities.leaseListing) calls.push(['leases.list', (signal) => leases.list({ signal })]);
  return calls;
}

export const lifecycleCases: readonly ConformanceCase[] = [
  {
    id: 'C16.closed-stores-refuse',
    clauses: ['C16', 'C14'],
    title: 'every call of a closed store is a closed error, and closing again is none',
    async run({ store, key, all }) {
      await store.close();
      for (const [name, call] of everyCall(store, key, all)) await expectStoreError(call, 'closed', name);
      await store.close();
      await store[Symbol.asyncDispose]();
    },
  },
  {
    id: 'C16.closed-stores-write-nothing',
    clauses: ['C16', 'C7'],
    title: 'a write to a closed store is not applied, and says so',
    async run(context) {
      const { key } = context;
      const other = await context.connect();
      await other.close();
      const error = await expectStoreError(() => other.put(key('a'), '1'), 'closed', 'put');
      expectEqual(error.outcome, 'not-applied', 'outcome');
      expectEqual(await context.store.get(key('a')), undefined, 'the key');
    },
  },
  {
    id: 'C16.handles-close-alone',
    clauses: ['C16'],
    writes: 'outside',
    title: 'closing one handle leaves the others working',
    async run(context) {
      const { store, key } = context;
      const other = await context.connect();
      await other.put(key('a'), '1');
      await other.close();
      await store.put(key('b'), '1');
      expectEqual((await store.list(context.all)).count, 2, 'count');
    },
  },
  {
    id: 'C16.aborted-calls',
    clauses: ['C16'],
    title: 'every call whose signal has fired already is an aborted error',
    async run({ store, key, all }) {
      const signal = AbortSignal.abort();
      for (const [name, call] of everyCall(store, key, all)) {
        await expectStoreError(() => call(signal), 'aborted', name);
      }
      expectEqual((await store.list(all)).count, 0, 'count after the aborted writes');
    },
  },
  {
    id: 'C16.abort-ends-what-is-on-its-way',
    clauses: ['C16'],
    writes: 'none',
    title: 'an abort ends a call that is waiting for its answer',
    needs: ['disturbed'],
    async run(context) {
      const { key, all } = context;
      const { store, link } = await context.hook('disturbed')();
      context.adopt(store);
      await store.get(key('a'));
      await link.loseAnswers();
      const controller = new AbortController();
      const { signal } = controller;
      const failing = [
        expectStoreError(store.get(key('a'), { signal }), 'aborted', 'get'),
        expectStoreError(store.list(all, { signal }), 'aborted', 'list'),
        expectStoreError(store.status({ signal }), 'aborted', 'status'),
      ];
      for (const each of failing) each.catch(() => undefined);
      controller.abort();
      await context.inTime(Promise.all(failing), 'the aborted calls to end');
      await link.heal();
    },
  },
  {
    id: 'C16.close-ends-what-is-on-its-way',
    clauses: ['C16'],
    title: 'close() ends calls that are waiting for their answers, with a closed error',
    needs: ['disturbed'],
    async run(context) {
      const { key, all } = context;
      const { store, link } = await context.hook('disturbed')();
      context.adopt(store);
      await store.get(key('a'));
      await link.loseAnswers();
      const failing = [
        expectStoreError(store.get(key('a')), 'closed', 'get'),
        expectStoreError(store.list(all), 'closed', 'list'),
        expectStoreError(store.put(key('b'), '1'), 'closed', 'put'),
      ];
      for (const each of failing) each.catch(() => undefined);
      await store.close();
      await context.inTime(Promise.all(failing), 'the calls of the closed store to end');
      await link.heal();
    },
  },
  {
    id: 'C16.default-timeout',
    clauses: ['C16', 'C14'],
    writes: 'none',
    title: "the store's own time-out holds for calls that name none",
    needs: ['disturbed'],
    async run(context) {
      const { key } = context;
      const { store, link } = await context.hook('disturbed')({ timeoutMs: 1_000 });
      context.adopt(store);
      await store.get(key('a'));
      await link.loseAnswers();
      const failing = expectStoreError(store.get(key('a')), 'timeout', 'get');
      failing.catch(() => undefined);
      await context.passTime(1_100);
      await context.inTime(failing, 'the get to time out');
      await link.heal();
    },
  },
  {
    id: 'C16.status',
    clauses: ['C16', 'C3'],
    writes: 'outside',
    title: 'status tells version, head and identity, and holds no secrets',
    async run({ store, key }) {
      const { revision } = await store.put(key('a'), '1');
      const status = await store.status();
      expectTrue(/\d/.test(status.version ?? ''), `the version must be one, got ${status.version ?? 'none'}`);
      expectEqual(status.revision, revision, 'revision');
      expectTrue(Array.isArray(status.members), 'members must be a list');
      expectTrue(!JSON.stringify(status).includes('password'), 'status must hold no secrets');
    },
  },
  {
    id: 'C16.misspelt-options-are-refused',
    clauses: ['C16'],
    title: 'an option that a call does not have is refused, never ignored',
    async run({ store, key, all }) {
      const bad = { notAnOption: true } as object;
      const calls: [string, () => Promise<unknown>][] = [
        ['get', () => store.get(key('a'), bad)],
        ['list', () => store.list(all, bad)],
        ['put', () => store.put(key('a'), '', bad)],
        ['delete', () => store.delete(key('a'), bad)],
        ['status', () => store.status(bad)],
        ['watch', () => store.watch(all, bad).ready],
      ];
      for (const [name, call] of calls) await expectStoreError(call, 'invalid-argument', name);
      expectEqual((await store.list(all)).count, 0, 'count after the refused writes');
    },
  },
  {
    id: 'C16.opens-by-url',
    clauses: ['C16'],
    title: 'openStore opens the backend by its URL',
    needs: ['openByUrl'],
    async run(context) {
      const { key } = context;
      const store = context.adopt(await context.hook('openByUrl')());
      await store.put(key('a'), '1');
      expectTrue((await store.get(key('a'))) !== undefined, 'what was put must be there');
      expectEqual(store.name, context.store.name, 'the name of the store');
    },
  },
];
