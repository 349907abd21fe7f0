import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, expectTrue, show } from '../expect.js';
import { keyOf } from '../watch-reader.js';
import { keysOf } from './support.js';

const LEASES = { leases: true } as const;

export const leaseCases: readonly ConformanceCase[] = [
  {
    id: 'C8.grant',
    clauses: ['C8'],
    title: 'a granted lease is listed, and lives at least as long as was asked',
    requires: LEASES,
    async run({ store }) {
      const lease = await store.leases.grant(30);
      expectTrue(lease.ttl >= 30, `the granted time must be at least 30 s, got ${lease.ttl}`);
      if (store.capabilities.leaseListing)
        expectTrue((await store.leases.list()).includes(lease.id), 'leases.list() must have the lease');
      const { id, grantedTtl, ttl } = await store.leases.timeToLive(lease.id);
      expectEqual([id, grantedTtl], [lease.id, lease.ttl], 'id and grantedTtl');
      expectTrue(ttl > 0 && ttl <= grantedTtl, `the time left must be above 0 and at most ${grantedTtl}, got ${ttl}`);
      await store.leases.revoke(lease.id);
    },
  },
  {
    id: 'C8.lease-keys',
    clauses: ['C8'],
    title: 'timeToLive tells the keys of the lease, where asked',
    requires: LEASES,
    async run({ store, key }) {
      const { id } = await store.leases.grant(30);
      for (const name of ['b', 'a', 'c']) await store.put(key(name), '', { lease: id });
      await store.put(key('c'), '');
      const { keys } = await store.leases.timeToLive(id, { keys: true });
      expectEqual([...(keys ?? [])].sort(), [key('a'), key('b')], 'keys');
      expectEqual((await store.leases.timeToLive(id)).keys, undefined, 'keys, where not asked');
      await store.leases.revoke(id);
    },
  },
  {
    id: 'C8.revoke-deletes-at-one-revision',
    clauses: ['C8', 'C10'],
    title: 'the revocation of a lease deletes its keys at one revision, in one batch, and no others',
    requires: LEASES,
    async run(context) {
      const { store, key, all } = context;
      const { id } = await store.leases.grant(60);
      for (const name of ['a', 'b', 'c']) await store.put(key(name), '', { lease: id });
      await store.put(key('d'), '');
      const reader = await context.follow();
      await store.leases.revoke(id);
      await reader.untilEvents(1);
      const events = reader.batches.find((batch) => batch.events.length > 0)?.events ?? [];
      expectEqual(events.map(keyOf).sort(), ['a', 'b', 'c'].map(key), 'the keys deleted in the first batch');
      expectEqual(new Set(events.map((event) => event.revision)).size, 1, 'the number of revisions');
      expectEqual(keysOf(await store.list(all)), [key('d')], 'what is left');
      if (store.capabilities.leaseListing)
        expectTrue(!(await store.leases.list()).includes(id), 'leases.list() must not have the lease any more');
    },
  },
  {
    id: 'C8.expiry-deletes-at-one-revision',
    clauses: ['C8', 'C10'],
    advice: 'delete the keys of a lease when it expires, all at one revision: onExpire of leaseTable',
    title: 'the keys of a lease that nobody keeps alive go at one revision, in one batch, and not before its time',
    requires: LEASES,
    async run(context) {
      const { store, key, all } = context;
      const lease = await store.leases.grant(1);
      const reader = await context.follow();
      for (const name of ['a', 'b']) await store.put(key(name), '', { lease: lease.id });
      await store.put(key('c'), '');
      await reader.untilEvents(3);
      expectEqual((await store.list(all)).count, 3, 'count before the time is over');
      await context.eventually('the keys to expire', async () => (await store.list(all)).count === 1);
      await reader.untilEvents(5);
      const last = reader.batches.filter((batch) => batch.events.length > 0).at(-1);
      expectEqual(
        last?.events.map((event) => [event.type, keyOf(event)]).sort(),
        [
          ['delete', key('a')],
          ['delete', key('b')],
        ],
        'the last batch',
      );
      await expectStoreError(() => store.leases.timeToLive(lease.id), 'lease-not-found', 'timeToLive');
    },
  },
  {
    id: 'C8.keep-alive',
    clauses: ['C8'],
    title: 'keepAlive restarts the time of a lease',
    requires: LEASES,
    async run(context) {
      const { store, key } = context;
      const lease = await store.leases.grant(3);
      await store.put(key('a'), '', { lease: lease.id });
      for (let second = 0; second < lease.ttl + 1; second++) {
        await context.passTime(1_000);
        const kept = await store.leases.keepAlive(lease.id);
        expectEqual([kept.id, kept.ttl], [lease.id, lease.ttl], 'id and time of the lease kept alive');
      }
      expectTrue((await store.get(key('a'))) !== undefined, 'the key of a lease kept alive must still be there');
      await store.leases.revoke(lease.id);
    },
  },
  {
    id: 'C8.unknown-leases',
    clauses: ['C8', 'C14'],
    title: 'revoke, keepAlive and timeToLive of a lease that is not there are lease-not-found errors',
    requires: LEASES,
    async run({ store }) {
      const { id } = await store.leases.grant(60);
      await store.leases.revoke(id);
      for (const unknown of [id, '987654321']) {
        await expectStoreError(() => store.leases.revoke(unknown), 'lease-not-found', 'revoke');
        await expectStoreError(() => store.leases.keepAlive(unknown), 'lease-not-found', 'keepAlive');
        await expectStoreError(() => store.leases.timeToLive(unknown), 'lease-not-found', 'timeToLive');
      }
    },
  },
  {
    id: 'C8.grant-of-a-taken-id',
    clauses: ['C8', 'C14'],
    title: 'a lease can be granted by id, once: the second is a conflict',
    requires: LEASES,
    async run({ store }) {
      const id = String(1_000_000_007 + Math.floor(Math.random() * 1e9));
      expectEqual((await store.leases.grant(60, { id })).id, id, 'the id granted');
      await expectStoreError(() => store.leases.grant(60, { id }), 'conflict', 'the second grant');
      await store.leases.revoke(id);
    },
  },
  {
    id: 'C8.bad-lease-arguments',
    clauses: ['C8', 'C16'],
    title: 'times that are no whole number of seconds from 1, and ids that are none, are refused',
    requires: LEASES,
    async run({ store }) {
      for (const ttl of [0, -1, 1.5, NaN, Infinity, '5']) {
        await expectStoreError(() => store.leases.grant(ttl as number), 'invalid-argument', `grant of ${show(ttl)}`);
      }
      for (const id of ['', 'abc', '-5', '0', '1.5', '9223372036854775808', 7]) {
        const bad = id as string;
        await expectStoreError(
          () => store.leases.grant(5, { id: bad }),
          'invalid-argument',
          `grant with id ${show(id)}`,
        );
        await expectStoreError(() => store.leases.revoke(bad), 'invalid-argument', `revoke of ${show(id)}`);
        await expectStoreError(() => store.leases.keepAlive(bad), 'invalid-argument', `keepAlive of ${show(id)}`);
        await expectStoreError(() => store.leases.timeToLive(bad), 'invalid-argument', `timeToLive of ${show(id)}`);
      }
    },
  },
  {
    id: 'C8.revoke-leaves-other-leases',
    clauses: ['C8'],
    title: 'a key that moved to another lease survives the revocation of its first',
    requires: LEASES,
    async run({ store, key }) {
      const [one, two] = [await store.leases.grant(60), await store.leases.grant(60)];
      await store.put(key('a'), '', { lease: one.id });
      await store.put(key('a'), '', { lease: two.id });
      await store.leases.revoke(one.id);
      expectEqual((await store.get(key('a')))?.lease, two.id, 'the lease of the key');
      await store.leases.revoke(two.id);
      expectEqual(await store.get(key('a')), undefined, 'the key');
    },
  },
  {
    id: 'C15.undeclared-leases-are-unsupported',
    clauses: ['C15', 'C8'],
    title: 'every lease call of a store without leases is unsupported',
    requires: { leases: false },
    async run({ store, key }) {
      await expectStoreError(() => store.leases.grant(5), 'unsupported', 'grant');
      await expectStoreError(() => store.leases.revoke('5'), 'unsupported', 'revoke');
      await expectStoreError(() => store.leases.keepAlive('5'), 'unsupported', 'keepAlive');
      await expectStoreError(() => store.leases.timeToLive('5'), 'unsupported', 'timeToLive');
      await expectStoreError(() => store.leases.list(), 'unsupported', 'list');
      await expectStoreError(() => store.put(key('a'), '', { lease: '5' }), 'unsupported', 'put with a lease');
    },
  },
];
