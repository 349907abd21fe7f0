import { isStoreError, toRevision, type KeyValue } from '@holdfast/store';
import { change, withLease } from './change.js';
import type { Mutant } from './mutant.js';

export const readMutants: readonly Mutant[] = [
  {
    id: 'C4.stale-read',
    title: 'now and then a get answers what it answered before',
    caughtBy: ['C4.reads-see-acknowledged-writes'],
    apply: (store) => {
      const answers = new Map<string, { count: number; last: KeyValue | undefined }>();
      return change(store, {
        get: async (key, options) => {
          const answer = answers.get(key) ?? { count: 0, last: undefined };
          answers.set(key, answer);
          answer.count += 1;
          if (answer.count % 23 === 0 && options === undefined) return answer.last;
          return (answer.last = await store.get(key, options));
        },
      });
    },
  },
  {
    id: 'C4.past-ignored',
    title: 'a list at a past revision gives the present',
    caughtBy: ['C4.list-of-the-past', 'C4.options-combine', 'C4.past-lists-tell-their-own-revision'],
    apply: (store) =>
      change(store, {
        list: async (range, options) => {
          const past = await store.list(range, options);
          return options?.revision === undefined ? past : store.list(range, { ...options, revision: undefined });
        },
      }),
  },
  {
    id: 'C4.bookmark-of-the-head',
    title: 'the bookmark of a past list is that of the head',
    caughtBy: ['C4.past-lists-tell-their-own-revision'],
    apply: (store) =>
      change(store, {
        list: async (range, options) => {
          const list = await store.list(range, options);
          if (options?.revision === undefined) return list;
          return { ...list, bookmark: (await store.list(range, { countOnly: true })).bookmark };
        },
      }),
  },
  {
    id: 'C4.count-of-the-limited',
    title: 'count is the number of items returned',
    caughtBy: [
      'C4.count-only',
      'C4.delta-reads-keep-the-limit',
      'C4.limit-takes-the-first',
      'C4.options-combine',
      'C4.sort-before-limit',
    ],
    apply: (store) =>
      change(store, {
        list: async (range, options) => {
          const list = await store.list(range, options);
          return options?.limit === undefined ? list : { ...list, count: list.items.length };
        },
      }),
  },
  {
    id: 'C4.limit-ignored-in-deltas',
    title: 'minModRevision makes the limit void',
    caughtBy: ['C4.delta-reads-keep-the-limit'],
    apply: (store) =>
      change(store, {
        list: (range, options) =>
          store.list(range, options?.minModRevision === undefined ? options : { ...options, limit: undefined }),
      }),
  },
  {
    id: 'C4.sorted-after-the-limit',
    title: 'the limit is taken before the sorting',
    caughtBy: ['C4.options-combine', 'C4.sort-before-limit'],
    apply: (store) =>
      change(store, {
        list: async (range, options) => {
          if (options?.sort === undefined || options.limit === undefined) return store.list(range, options);
          const first = await store.list(range, { ...options, sort: undefined });
          const sorted = await store.list(range, { ...options, limit: undefined });
          return { ...first, items: sorted.items.filter(({ key }) => first.items.some((item) => item.key === key)) };
        },
      }),
  },
  {
    id: 'C4.breakdown-is-empty',
    title: 'a backend that is broken is read as an empty one',
    caughtBy: ['C4.breakdown-is-not-absence'],
    belowLink: true,
    apply: (store) => {
      // What a watch of its own says tells that the backend is broken.
      const probe = store.watch({ prefix: '' });
      const broken = () => probe.state.status === 'interrupted';
      return change(store, {
        get: async (key, options) => (broken() ? undefined : store.get(key, options)),
        close: async () => {
          await probe.close();
          await store.close();
        },
      });
    },
  },
  {
    id: 'C4.swallowed-outage',
    title: 'an outage is read as an empty list',
    caughtBy: ['C4.outage-is-not-absence'],
    apply: (store) =>
      change(store, {
        list: async (range, options) => {
          try {
            return await store.list(range, options);
          } catch (error) {
            if (!isStoreError(error, 'unavailable')) throw error;
            const bookmark = { revision: toRevision(1), identity: 'nowhere' };
            return { items: [], count: 0, more: false, undecodable: [], bookmark };
          }
        },
      }),
  },
  {
    id: 'C4.compaction-ignored',
    title: 'a physical compaction comes back without having compacted',
    caughtBy: ['C4.physical-compaction'],
    apply: (store) =>
      change(store, {
        compact: (revision, options) =>
          options?.physical === true ? Promise.resolve() : store.compact(revision, options),
      }),
  },
  {
    id: 'C4.compacted-as-the-present',
    title: 'a list of a compacted revision gives the present',
    caughtBy: ['C4.compacted-past'],
    apply: (store) =>
      change(store, {
        list: async (range, options) => {
          try {
            return await store.list(range, options);
          } catch (error) {
            if (!isStoreError(error, 'compacted')) throw error;
            return store.list(range, { ...options, revision: undefined });
          }
        },
      }),
  },
  {
    id: 'C4.values-in-keys-only',
    title: 'keysOnly is ignored',
    caughtBy: ['C4.bad-options-are-invalid', 'C4.keys-only', 'C4.keys-only-tells-no-lease', 'C4.options-combine'],
    apply: (store) =>
      change(store, { list: (range, options) => store.list(range, options && { ...options, keysOnly: false }) }),
  },
  {
    id: 'C4.lease-in-keys-only',
    title: 'an entry read with keysOnly tells its lease, as etcd 3.6 does and 3.7 does not',
    caughtBy: ['C4.keys-only-tells-no-lease'],
    apply: (store) =>
      change(store, {
        list: async (range, options) => {
          const list = await store.list(range, options);
          if (options?.keysOnly !== true) return list;
          return { ...list, items: await Promise.all(list.items.map((item) => withLease(store, item))) };
        },
      }),
  },
  {
    id: 'C4.more-at-the-limit',
    title: 'a list that just fits its limit says that there is more',
    caughtBy: ['C4.limit-not-reached'],
    apply: (store) =>
      change(store, {
        list: async (range, options) => {
          const list = await store.list(range, options);
          return { ...list, more: list.items.length > 0 && list.items.length === options?.limit };
        },
      }),
  },
  {
    id: 'C4.first-thousand',
    title: 'a list without a limit ends after a thousand entries',
    caughtBy: ['C4.list-gives-all'],
    apply: (store) =>
      change(store, {
        list: async (range, options) => {
          const list = await store.list(range, options);
          return { ...list, items: list.items.slice(0, 1_000) };
        },
      }),
  },
  {
    id: 'C4.four-mebibytes',
    title: 'a list ends where an answer of 4 MiB would',
    caughtBy: ['C4.large-lists-come-whole'],
    apply: (store) =>
      change(store, {
        list: async (range, options) => {
          const list = await store.list(range, options);
          let bytes = 0;
          return { ...list, items: list.items.filter(({ value }) => (bytes += value.length) < 4 * 2 ** 20) };
        },
      }),
  },
  {
    id: 'C4.always-ascending',
    title: 'the order of a sort is ignored',
    caughtBy: ['C4.options-combine', 'C4.sort-before-limit', 'C4.sort-orders'],
    apply: (store) =>
      change(store, {
        list: (range, options) => {
          const sort = options?.sort;
          return store.list(
            range,
            sort?.order === 'descend' ? { ...options, sort: { ...sort, order: 'ascend' } } : options,
          );
        },
      }),
  },
  {
    id: 'C4.deltas-are-whole',
    title: 'minModRevision is ignored',
    caughtBy: ['C4.delta-reads', 'C4.delta-reads-keep-the-limit'],
    apply: (store) =>
      change(store, {
        list: (range, options) => store.list(range, options && { ...options, minModRevision: undefined }),
      }),
  },
];
