import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, expectTrue, show, text } from '../expect.js';

const TTL = { ttl: true } as const;
const TTL_BY_LEASE = { ttl: true, leases: true } as const;

export const ttlCases: readonly ConformanceCase[] = [
  {
    id: 'C8.ttl-expires',
    clauses: ['C8'],
    title: 'a key put with a ttl is there, then goes by itself, and a watch is told',
    requires: TTL,
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow();
      await store.put(key('a'), '1', { ttl: 1 });
      await store.put(key('b'), '1');
      expectEqual(text((await store.get(key('a')))?.value), '1', 'the value before it expires');
      await context.eventually('the key to expire', async () => (await store.get(key('a'))) === undefined);
      const events = await reader.untilEvents(3);
      expectEqual(
        events.map((event) => event.type),
        ['put', 'put', 'delete'],
        'the events',
      );
      expectTrue((await store.get(key('b'))) !== undefined, 'the key without a ttl must still be there');
    },
  },
  {
    id: 'C8.granted-ttl-is-told',
    clauses: ['C8'],
    title: 'a put with a ttl tells the time granted, at least as long as was asked',
    requires: TTL,
    async run({ store, key }) {
      for (const ttl of [1, 30, 3_600]) {
        const result = await store.put(key('a'), '', { ttl });
        expectTrue((result.ttl ?? 0) >= ttl, `the granted time must be at least ${ttl} s, got ${show(result.ttl)}`);
        const entry = await store.get(key('a'));
        expectTrue(entry?.lease !== undefined || entry?.expiresAt !== undefined, 'the entry must show that it expires');
      }
    },
  },
  {
    id: 'C8.ttl-is-a-lease',
    clauses: ['C8'],
    title: 'where there are leases a ttl is one, told in the result and in the entry',
    requires: TTL_BY_LEASE,
    async run({ store, key }) {
      const result = await store.put(key('a'), '', { ttl: 60 });
      expectTrue(result.lease !== undefined, 'the result must tell the lease');
      expectEqual((await store.get(key('a')))?.lease, result.lease, "the entry's lease");
      const status = await store.leases.timeToLive(result.lease, { keys: true });
      expectEqual([status.grantedTtl, status.keys], [result.ttl, [key('a')]], 'grantedTtl and keys');
      await store.leases.revoke(result.lease);
      expectEqual(await store.get(key('a')), undefined, 'the key after the revocation');
    },
  },
  {
    id: 'C8.put-without-ttl-stays',
    clauses: ['C8'],
    title: 'a put without a ttl over one with makes the key stay',
    requires: TTL,
    async run(context) {
      const { store, key } = context;
      await store.put(key('a'), '1', { ttl: 1 });
      await store.put(key('b'), '1', { ttl: 1 });
      await store.put(key('a'), '2');
      await context.eventually('the other key to expire', async () => (await store.get(key('b'))) === undefined);
      const entry = await store.get(key('a'));
      expectEqual(
        [text(entry?.value), entry?.lease, entry?.expiresAt],
        ['2', undefined, undefined],
        'value, lease, expiresAt',
      );
    },
  },
  {
    id: 'C8.bad-ttls-are-invalid',
    clauses: ['C8', 'C16'],
    title: 'a ttl that is no whole number of seconds from 1 is refused, and nothing is written',
    requires: TTL,
    async run({ store, key }) {
      for (const ttl of [0, -1, 0.5, 1.5, NaN, Infinity, '5']) {
        const put = () => store.put(key('a'), '', { ttl: ttl as number });
        await expectStoreError(put, 'invalid-argument', `put with ttl ${show(ttl)}`);
      }
      expectEqual(await store.get(key('a')), undefined, 'the key');
    },
  },
  {
    id: 'C8.failed-put-leaves-no-lease',
    clauses: ['C8', 'C6'],
    title: 'a put with a ttl that is certainly not applied leaves no lease behind',
    requires: { ...TTL_BY_LEASE, leaseListing: true },
    async run(context) {
      const { store, key } = context;
      const leases = async () => new Set(await store.leases.list());
      await store.put(key('a'), '1');
      const before = await leases();
      const result = await store.put(key('a'), '2', { ttl: 1_000_000, ifAbsent: true });
      expectTrue(!result.succeeded, 'the put must fail');
      // The revocation need not be waited for by the put. The ttl outlasts any clock that is moved meanwhile.
      await context.eventually('the lease to be revoked', async () =>
        [...(await leases())].every((id) => before.has(id)),
      );
    },
  },
  {
    id: 'C8.guarded-ttl',
    clauses: ['C8', 'C6'],
    title: 'a guarded put with a ttl that succeeds tells the time granted, and expires',
    requires: TTL,
    async run(context) {
      const { store, key } = context;
      const result = await store.put(key('a'), '1', { ttl: 1, ifAbsent: true });
      expectTrue(result.succeeded, 'the put must succeed');
      expectTrue((result.ttl ?? 0) >= 1, `the granted time must be told, got ${show(result.ttl)}`);
      await context.eventually('the key to expire', async () => (await store.get(key('a'))) === undefined);
    },
  },
  {
    id: 'C15.undeclared-ttl-is-unsupported',
    clauses: ['C15', 'C8'],
    title: 'a store without ttl refuses it, and writes nothing',
    requires: { ttl: false },
    async run({ store, key }) {
      await expectStoreError(() => store.put(key('a'), '', { ttl: 5 }), 'unsupported', 'put with a ttl');
      expectEqual(await store.get(key('a')), undefined, 'the key');
    },
  },
];
