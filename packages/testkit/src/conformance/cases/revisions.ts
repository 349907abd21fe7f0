import type { Revision } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, expectTrue } from '../expect.js';

const positive = (revision: number, what: string) => {
  expectTrue(
    Number.isSafeInteger(revision) && revision > 0,
    `${what} must be a positive safe integer, got ${revision}`,
  );
};

export const revisionCases: readonly ConformanceCase[] = [
  {
    id: 'C3.revisions-are-positive-integers',
    clauses: ['C3'],
    writes: 'outside',
    title: 'every revision that the store gives is a positive safe integer',
    async run({ store, key, all }) {
      const put = await store.put(key('a'), '');
      positive(put.revision, "put's revision");
      positive((await store.list(all)).bookmark.revision, "list's revision");
      const entry = await store.get(key('a'));
      positive(entry?.createRevision ?? 0, 'createRevision');
      positive(entry?.modRevision ?? 0, 'modRevision');
      positive((await store.status()).revision, "status's revision");
      positive((await store.delete(key('a'))).revision, "delete's revision");
      positive((await store.delete(key('a'))).revision, 'the revision of a delete of nothing');
    },
  },
  {
    id: 'C3.writes-move-the-revision',
    clauses: ['C3'],
    advice: 'draw each revision from one counter of the whole store, under the lock that you commit under',
    writes: 'outside',
    title: 'each write has a revision above that of every write before it, whatever the key and the handle',
    async run(context) {
      const { store, key } = context;
      const other = await context.connect();
      let last = 0;
      const next = (revision: Revision, what: string) => {
        expectTrue(revision > last, `${what} must be above revision ${last}, got ${revision}`);
        last = revision;
      };
      for (let round = 0; round < 5; round++) {
        next((await store.put(key('a'), String(round))).revision, 'a put');
        next((await other.put(key(`b${round}`), '')).revision, 'a put through another handle');
        next((await store.delete(key(`b${round}`))).revision, 'a delete');
      }
    },
  },
  {
    id: 'C3.mod-revision-is-the-writes',
    clauses: ['C3'],
    title: "an entry's modRevision is the revision that its last write returned",
    async run({ store, key }) {
      for (const value of ['1', '2', '2']) {
        const { revision } = await store.put(key('a'), value);
        expectEqual((await store.get(key('a')))?.modRevision, revision, 'modRevision');
      }
    },
  },
  {
    id: 'C3.create-revision-stays',
    clauses: ['C3'],
    writes: 'outside',
    title: 'createRevision is that of the first write, until the key is deleted',
    async run({ store, key }) {
      const first = await store.put(key('a'), '1');
      await store.put(key('a'), '2');
      expectEqual((await store.get(key('a')))?.createRevision, first.revision, 'createRevision after an overwrite');
      await store.delete(key('a'));
      const again = await store.put(key('a'), '3');
      expectEqual((await store.get(key('a')))?.createRevision, again.revision, 'createRevision after delete and put');
    },
  },
  {
    id: 'C3.versions-count-writes',
    clauses: ['C3'],
    title: 'version counts the writes of a key from 1, and begins again after its deletion',
    requires: { versions: true },
    async run({ store, key }) {
      const version = async () => (await store.get(key('a')))?.version;
      await store.put(key('a'), '1');
      expectEqual(await version(), 1, 'version after the first put');
      await store.put(key('a'), '1');
      expectEqual(await version(), 2, 'version after the second put');
      await store.delete(key('a'));
      await store.put(key('a'), '1');
      expectEqual(await version(), 1, 'version after delete and put');
    },
  },
  {
    id: 'C3.no-version-where-there-are-none',
    clauses: ['C3', 'C15'],
    writes: 'outside',
    title: 'a store without versions invents none',
    requires: { versions: false },
    async run({ store, key }) {
      await store.put(key('a'), '1');
      expectEqual((await store.get(key('a')))?.version, undefined, 'version');
    },
  },
  {
    id: 'C3.reads-take-no-revision',
    clauses: ['C3'],
    writes: 'outside',
    title: 'reads, and deletes of nothing, change no revision',
    async run({ store, key, all }) {
      const { revision } = await store.put(key('a'), '1');
      await store.get(key('a'));
      await store.list(all);
      await store.delete(key('b'));
      expectEqual((await store.list(all)).bookmark.revision, revision, 'the revision after the reads');
    },
  },
  {
    id: 'C3.list-tells-its-revision',
    clauses: ['C3', 'C4'],
    writes: 'outside',
    title: "a list's bookmark is the head's revision in the store's own history",
    async run({ store, key, all }) {
      const { revision } = await store.put(key('a'), '1');
      const { bookmark } = await store.list(all);
      const status = await store.status();
      expectEqual(bookmark, { revision, identity: status.identity }, 'the bookmark');
      expectEqual(status.revision, revision, "status's revision");
      expectTrue(bookmark.identity !== '', 'an identity must not be empty');
    },
  },
  {
    id: 'C3.identity-is-the-historys',
    clauses: ['C3', 'C13'],
    writes: 'none',
    title: 'all handles on the same data tell the same identity',
    async run(context) {
      const other = await context.connect();
      const [mine, theirs] = [await context.store.list(context.all), await other.list(context.all)];
      expectEqual(theirs.bookmark.identity, mine.bookmark.identity, 'the identity by the other handle');
    },
  },
  {
    id: 'C3.unsafe-revisions-are-refused',
    clauses: ['C3'],
    writes: 'outside',
    title: 'a revision past 2^53−1 is refused, never rounded',
    requires: { historicalReads: true },
    async run({ store, key }) {
      await store.put(key('a'), '1');
      for (const revision of [2 ** 53, Number.MAX_VALUE, Infinity, NaN]) {
        await expectStoreError(() => store.get(key('a'), { revision }), 'invalid-argument', `get at ${revision}`);
      }
    },
  },
  {
    id: 'C3.lease-ids-are-exact',
    clauses: ['C3', 'C8'],
    title: 'lease ids are decimal strings, exact past 2^53',
    requires: { leases: true },
    async run({ store, key }) {
      // A double would make ...992 of both.
      const ids = ['9007199254740993', '9223372036854775783'];
      for (const id of ids) {
        const lease = await store.leases.grant(60, { id });
        expectEqual(lease.id, id, 'the id granted');
        await store.put(key('a'), '', { lease: id });
        expectEqual((await store.get(key('a')))?.lease, id, "the entry's lease");
        if (store.capabilities.leaseListing)
          expectTrue((await store.leases.list()).includes(id), `leases.list() must have ${id}`);
        await store.leases.revoke(id);
      }
      const { id } = await store.leases.grant(60);
      expectTrue(/^[1-9]\d*$/.test(id), `a lease id must be a decimal string, got ${id}`);
      await store.leases.revoke(id);
    },
  },
  {
    id: 'C3.entry-without-lease-has-none',
    clauses: ['C3'],
    writes: 'outside',
    title: 'an entry without a lease names none',
    async run({ store, key }) {
      await store.put(key('a'), '');
      const entry = await store.get(key('a'));
      expectEqual([entry?.lease, entry?.expiresAt], [undefined, undefined], 'lease and expiresAt');
    },
  },
];
