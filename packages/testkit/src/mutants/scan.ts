import { isStoreError, type Page } from '@holdfast/store';
import { change } from './change.js';
import type { Mutant } from './mutant.js';

function overlayPage(page: Page, changes: Partial<Page>): Page {
  return new Proxy(page, {
    get: (_target, name) => {
      if (name in changes) return changes[name as keyof Page];
      const value: unknown = Reflect.get(page, name, page);
      return typeof value === 'function' ? (value.bind(page) as unknown) : value;
    },
  });
}

/** All entries but the first of a page. */
function withoutFirst(page: Page): Page {
  return overlayPage(page, {
    length: page.length - 1,
    key: (index) => page.key(index + 1),
    value: (index) => page.value(index + 1),
    modRevision: (index) => page.modRevision(index + 1),
  });
}

export const scanMutants: readonly Mutant[] = [
  {
    id: 'C5.pages-of-the-head',
    title: 'each page is read at the head, whatever the first was read at',
    caughtBy: ['C5.one-revision'],
    apply: (store) =>
      change(store, {
        scan: async function* (range, options) {
          let first = true;
          for await (const page of store.scan(range, options)) {
            const now = first ? [] : (await store.list(range)).items;
            const values = new Map(now.map(({ key, value }) => [key, value]));
            yield overlayPage(page, { value: (index) => values.get(page.key(index)) ?? page.value(index) });
            first = false;
          }
        },
      }),
  },
  {
    id: 'C5.lost-at-the-page-boundary',
    title: 'the first entry of each page but the first is skipped',
    caughtBy: ['C5.all-of-a-range-once', 'C5.one-revision'],
    apply: (store) =>
      change(store, {
        scan: async function* (range, options) {
          let first = true;
          for await (const page of store.scan(range, options)) {
            yield first || page.length === 0 ? page : withoutFirst(page);
            first = false;
          }
        },
      }),
  },
  {
    id: 'C5.ends-in-a-compaction',
    title: 'a scan of what was compacted ends short instead of failing',
    caughtBy: ['C5.overtaken-by-compaction', 'C5.scan-of-a-compacted-revision'],
    apply: (store) =>
      change(store, {
        scan: async function* (range, options) {
          try {
            yield* store.scan(range, options);
          } catch (error) {
            if (!isStoreError(error, 'compacted')) throw error;
          }
        },
      }),
  },
  {
    id: 'C5.no-page-for-nothing',
    title: 'the scan of an empty range has no page, and so no bookmark',
    caughtBy: ['C5.empty-range-has-a-page'],
    apply: (store) =>
      change(store, {
        scan: async function* (range, options) {
          for await (const page of store.scan(range, options)) if (page.total > 0) yield page;
        },
      }),
  },
  {
    id: 'C5.total-of-the-page',
    title: 'total is the length of the page',
    caughtBy: ['C1.undecodable-keys-in-pages', 'C5.all-of-a-range-once', 'C5.delta-scan', 'C5.one-revision'],
    apply: (store) =>
      change(store, {
        scan: async function* (range, options) {
          for await (const page of store.scan(range, options)) yield overlayPage(page, { total: page.length });
        },
      }),
  },
  {
    id: 'C5.scan-of-the-present',
    title: 'a scan at a past revision gives the present',
    caughtBy: ['C5.scan-of-the-past'],
    apply: (store) =>
      change(store, {
        scan: async function* (range, options) {
          if (options?.revision === undefined) {
            yield* store.scan(range, options);
            return;
          }
          // Refused as before, where there is no such revision.
          for await (const _ of store.scan(range, options)) break;
          yield* store.scan(range, { ...options, revision: undefined });
        },
      }),
  },
  {
    id: 'C5.values-in-keys-only',
    title: 'keysOnly is ignored',
    caughtBy: ['C5.keys-only'],
    apply: (store) =>
      change(store, {
        scan: (range, options) =>
          store.scan(range, options?.keysOnly === true ? { ...options, keysOnly: false } : options),
      }),
  },
];
