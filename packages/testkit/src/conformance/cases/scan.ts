import type { ConfigStore } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import { expectEqual, expectStoreError, expectTrue, isCode, show, text } from '../expect.js';
import { briefly } from '../watch-reader.js';
import { RESUMES, padded, pagesOf, putMany, readPage, type ReadPage } from './support.js';

export const scanCases: readonly ConformanceCase[] = [
  {
    id: 'C5.all-of-a-range-once',
    clauses: ['C5'],
    writes: 'outside',
    title: 'the pages of a scan hold every entry of the range once, in order',
    async run({ store, key, all, scanKeys }) {
      const keys = await putMany(store, scanKeys, (index) => key(padded(index)));
      const pages = await pagesOf(store.scan(all));
      const entries = pages.flatMap((page) => page.entries);
      expectEqual(entries.length, scanKeys, 'how many entries');
      expectEqual(
        entries.findIndex((entry, index) => entry.key !== keys[index]),
        -1,
        'the first wrong key',
      );
      expectEqual(
        entries.findIndex((entry, index) => text(entry.value) !== String(index)),
        -1,
        'the first wrong value',
      );
      expectPagesFit(pages, scanKeys);
    },
  },
  {
    id: 'C5.one-revision',
    clauses: ['C5'],
    writes: 'outside',
    title: 'all pages are of one revision, whatever is written meanwhile',
    async run(context) {
      const { store, key, all, scanKeys } = context;
      await putMany(
        store,
        scanKeys,
        (index) => key(padded(index)),
        () => 'old',
      );
      const writer = await context.connect();
      const pages: ReadPage[] = [];
      for await (const page of store.scan(all)) {
        // Ahead of the pages to come: an overwrite, a deletion and a new key.
        if (pages.length === 0) await disturb(writer, key, scanKeys);
        pages.push(readPage(page));
      }
      const entries = pages.flatMap((page) => page.entries);
      expectEqual(entries.length, scanKeys, 'how many entries');
      expectEqual(
        entries.findIndex((entry) => text(entry.value) !== 'old'),
        -1,
        'the first entry of a later revision',
      );
      expectPagesFit(pages, scanKeys);
    },
  },
  {
    id: 'C5.empty-range-has-a-page',
    clauses: ['C5'],
    writes: 'outside',
    title: 'the scan of an empty range gives one empty page, with its bookmark',
    async run({ store, key, all }) {
      const { revision } = await store.put(key('a'), '');
      const { identity } = (await store.list(all)).bookmark;
      const pages = await pagesOf(store.scan({ prefix: key('nothing/') }));
      expectEqual(
        pages.map((page) => [page.length, page.total, page.more]),
        [[0, 0, false]],
        'length, total and more',
      );
      expectEqual(pages[0]?.bookmark, { revision, identity }, 'the bookmark');
    },
  },
  {
    id: 'C5.entries-equal-the-lists',
    clauses: ['C5'],
    title: 'the entries of a page are those of a list, revisions and versions included',
    async run({ store, key, all }) {
      await putMany(store, 5, (index) => key(String(index)));
      await store.put(key('2'), 'again');
      await store.put(key('3'), '');
      const entries = (await pagesOf(store.scan(all))).flatMap((page) => page.entries);
      expectEqual(entries, (await store.list(all)).items, 'the entries');
    },
  },
  {
    id: 'C5.keys-only',
    clauses: ['C5'],
    writes: 'outside',
    title: 'keysOnly scans entries without values',
    async run({ store, key, all }) {
      const { revision } = await store.put(key('a'), 'long value');
      const [page] = await pagesOf(store.scan(all, { keysOnly: true }));
      expectEqual(
        page?.entries.map((entry) => [entry.key, entry.value, entry.modRevision]),
        [[key('a'), new Uint8Array(), revision]],
        'entries',
      );
    },
  },
  {
    id: 'C5.scan-of-the-past',
    clauses: ['C5', 'C4'],
    writes: 'outside',
    title: 'a scan at a past revision gives the state of then, and its bookmark',
    requires: { historicalReads: true },
    async run({ store, key, all }) {
      await store.put(key('a'), '1');
      const { revision } = await store.put(key('b'), '1');
      await store.delete(key('a'));
      await store.put(key('b'), '2');
      const pages = await pagesOf(store.scan(all, { revision }));
      const entries = pages.flatMap((page) => page.entries);
      expectEqual(
        entries.map((entry) => [entry.key, text(entry.value)]),
        [
          [key('a'), '1'],
          [key('b'), '1'],
        ],
        'the entries',
      );
      expectEqual([pages[0]?.total, pages[0]?.bookmark.revision], [2, revision], 'total and revision');
    },
  },
  {
    id: 'C5.delta-scan',
    clauses: ['C5', 'C4'],
    writes: 'outside',
    title: 'a scan since a revision gives what changed; total counts all',
    requires: { deltaReads: true },
    async run({ store, key, all }) {
      await putMany(store, 300, (index) => key(padded(index)));
      const { revision } = await store.put(key(padded(7)), 'new');
      await store.put(key(padded(207)), 'new');
      const pages = await pagesOf(store.scan(all, { minModRevision: revision }));
      const keys = pages.flatMap((page) => page.entries.map((entry) => entry.key));
      expectEqual(keys, [key(padded(7)), key(padded(207))], 'the keys');
      expectEqual(pages[0]?.total, 300, 'total');
    },
  },
  {
    id: 'C5.watch-continues-a-scan',
    clauses: ['C5', 'C10'],
    writes: 'outside',
    requires: RESUMES,
    title: "a watch after a scan's bookmark goes on without a gap",
    async run(context) {
      const { store, key, all } = context;
      await store.put(key('a'), '1');
      const [page] = await pagesOf(store.scan(all));
      const put = await store.put(key('a'), '2');
      const reader = context.watch(all, { after: page?.bookmark });
      expectEqual((await reader.untilEvents(1)).map(briefly), [`put ${key('a')}=2@${put.revision}`], 'events');
    },
  },
  {
    id: 'C5.overtaken-by-compaction',
    clauses: ['C5', 'C12'],
    title: 'a scan that a compaction overtakes ends complete or in a compacted error, never short',
    requires: { compaction: true, historicalReads: true },
    async run(context) {
      const { store, key, all, scanKeys } = context;
      await putMany(
        store,
        scanKeys,
        (index) => key(padded(index)),
        () => 'old',
      );
      const writer = await context.connect();
      let seen = 0;
      const scan = async () => {
        for await (const page of store.scan(all)) {
          if (seen === 0) {
            await disturb(writer, key, scanKeys);
            await writer.compact((await writer.put(key('end'), '')).revision);
          }
          seen += page.length;
          for (let index = 0; index < page.length; index++) {
            expectEqual(text(page.value(index)), 'old', `the value of ${page.key(index)}`);
          }
        }
      };
      try {
        await scan();
      } catch (error) {
        expectTrue(isCode(error, 'compacted'), `the scan must end in compacted, got ${show(error)}`);
        return;
      }
      expectEqual(seen, scanKeys, 'the entries of a scan that ended without an error');
    },
  },
  {
    id: 'C5.scan-of-a-compacted-revision',
    clauses: ['C5', 'C14'],
    title: 'a scan at a compacted revision is a compacted error',
    requires: { compaction: true, historicalReads: true },
    async run({ store, key, all }) {
      const { revision } = await store.put(key('a'), '1');
      await store.put(key('a'), '2');
      const head = await store.put(key('a'), '3');
      await store.compact(head.revision);
      const error = await expectStoreError(() => pagesOf(store.scan(all, { revision })), 'compacted', 'the scan');
      expectEqual(error.compactRevision, head.revision, 'compactRevision');
    },
  },
  {
    id: 'C5.left-early',
    clauses: ['C5'],
    writes: 'outside',
    title: 'a scan that is left early leaves the store usable',
    async run({ store, key, all, scanKeys }) {
      await putMany(store, scanKeys, (index) => key(padded(index)));
      for await (const page of store.scan(all)) {
        expectTrue(page.length > 0, 'the first page must hold entries');
        break;
      }
      expectEqual((await store.list(all, { countOnly: true })).count, scanKeys, 'count');
    },
  },
  {
    id: 'C5.invalid-scans',
    clauses: ['C5', 'C16'],
    writes: 'none',
    title: 'a scan with options that it does not take is refused when it is read',
    async run({ store, all }) {
      for (const options of [{ limit: 5 }, { revision: 0 }, { revision: -3 }, { keysOnly: 'yes' }]) {
        const call = () => pagesOf(store.scan(all, options as object));
        await expectStoreError(call, 'invalid-argument', `scan with ${JSON.stringify(options)}`);
      }
    },
  },
];

async function disturb(writer: ConfigStore, key: (name: string) => string, count: number): Promise<void> {
  await writer.put(key(padded(count - 1)), 'new');
  await writer.delete(key(padded(count - 2)));
  await writer.put(key(padded(count)), 'new');
}

function expectPagesFit(pages: readonly ReadPage[], total: number): void {
  const [first] = pages;
  pages.forEach((page, index) => {
    expectEqual(page.bookmark, first?.bookmark, `the bookmark of page ${index}`);
    expectEqual(page.total, total, `the total of page ${index}`);
    expectEqual(page.more, index < pages.length - 1, `"more" of page ${index}`);
  });
}
