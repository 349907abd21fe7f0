import type { Range } from '@holdfast/store';
import { change, changeWatches } from './change.js';
import type { Mutant } from './mutant.js';

function prefixOf(range: Range): string | undefined {
  return typeof range === 'object' && range !== null && 'prefix' in range && Object.keys(range).length === 1
    ? range.prefix
    : undefined;
}

/** Whether this is `['', '\0')` or the same in bytes: etcd's bounds for "everything" once `''` became the first key. */
function isNothing(range: Range): boolean {
  if (typeof range !== 'object' || range === null || !('start' in range) || !('end' in range)) return false;
  const [start, end] = [range.start, range.end].map((bound) => bound && Buffer.from(bound).toString('hex'));
  return (start === '' || start === undefined) && end === '00';
}

export const rangeMutants: readonly Mutant[] = [
  {
    id: 'C2.prefix-as-directory',
    title: 'a prefix is taken for a directory: what merely begins with it is left out',
    caughtBy: ['C2.prefix-inside-a-name', 'C2.prefix-is-a-string-prefix', 'C2.prefix-whose-end-is-not-utf8'],
    apply: (store) =>
      change(store, {
        list: (range, options) => {
          const prefix = prefixOf(range);
          const asDirectory = typeof prefix === 'string' && prefix !== '' && !prefix.endsWith('/');
          return store.list(asDirectory ? { prefix: `${prefix}/` } : range, options);
        },
      }),
  },
  {
    id: 'C2.inclusive-end',
    title: 'an interval includes its end',
    caughtBy: [
      'C1.bounds-compare-as-utf8',
      'C16.prefix-bounds-ranges',
      'C2.empty-interval-is-invalid',
      'C2.interval-is-half-open',
      'C2.open-intervals',
      'C2.random-bounds-in-reads',
    ],
    apply: (store) =>
      change(store, {
        list: (range, options) => {
          if (typeof range !== 'object' || range === null || typeof range.end !== 'string') {
            return store.list(range, options);
          }
          if (range.key !== undefined || range.prefix !== undefined) return store.list(range, options);
          return store.list({ ...range, end: `${range.end}\0` }, options);
        },
      }),
  },
  {
    id: 'C2.watch-of-a-key-as-prefix',
    title: 'a watch of one key tells of all that begin with it',
    caughtBy: ['C2.watch-of-one-key'],
    apply: (store) =>
      change(store, {
        watch: (range, options) =>
          store.watch(typeof range === 'string' && range !== '' ? { prefix: range } : range, options),
      }),
  },
  {
    id: 'C2.delete-of-a-key-as-prefix',
    title: 'the deletion of one key takes all that begin with it',
    caughtBy: ['C2.delete-of-one-key', 'C2.random-bounds-in-watches'],
    apply: (store) =>
      change(store, {
        delete: (range, options) => {
          const unguarded = Object.keys(options ?? {}).length === 0;
          return store.delete(
            unguarded && typeof range === 'string' && range.endsWith('/a') ? { prefix: range } : range,
            options,
          );
        },
      }),
  },
  {
    id: 'C2.empty-interval-is-empty',
    title: 'an interval that can hold nothing is answered as an empty range',
    caughtBy: ['C2.empty-interval-is-invalid', 'C2.random-bounds-in-reads'],
    apply: (store) =>
      change(store, {
        list: async (range, options) => {
          try {
            return await store.list(range, options);
          } catch (error) {
            if (!String(error).includes('the range is empty')) throw error;
            return { items: [], count: 0, more: false, undecodable: [], bookmark: (await store.list('none')).bookmark };
          }
        },
      }),
  },
  {
    id: 'C2.nothing-as-everything',
    title: 'bounds at the very beginning, between which no key can lie, are taken for everything',
    caughtBy: [
      'C2.empty-interval-is-invalid',
      'C2.random-bounds-in-deletes',
      'C2.random-bounds-in-reads',
      'C2.random-bounds-in-watches',
    ],
    apply: (store) => {
      const widen = (range: Range): Range => (isNothing(range) ? { prefix: '' } : range);
      return change(store, {
        list: (range, options) => store.list(widen(range), options),
        delete: (range, options) => store.delete(widen(range), options),
        watch: (range, options) => store.watch(widen(range), options),
      });
    },
  },
  {
    id: 'C2.delete-of-bounds-that-hold-nothing',
    title: 'a delete between bounds at the very beginning deletes everything',
    caughtBy: ['C2.empty-interval-is-invalid', 'C2.random-bounds-in-deletes'],
    apply: (store) =>
      change(store, {
        delete: (range, options) => store.delete(isNothing(range) ? { prefix: '' } : range, options),
      }),
  },
  {
    id: 'C2.watch-filters-nothing',
    title: 'a watch of an interval tells of everything from its start',
    caughtBy: ['C2.watch-of-an-interval', 'C2.random-bounds-in-watches'],
    apply: (store) =>
      changeWatches(store, (watch, range, options) => {
        if (watch.state.status === 'closed' || typeof range !== 'object' || !('start' in range) || !('end' in range))
          return watch;
        void watch.close();
        return store.watch({ start: range.start ?? '' }, options);
      }),
  },
  {
    id: 'C2.empty-prefix-is-nothing',
    title: 'the empty prefix matches no key',
    caughtBy: [
      'C2.empty-prefix-is-everything',
      'C2.random-bounds-in-deletes',
      'C2.random-bounds-in-reads',
      'C2.random-bounds-in-transactions',
    ],
    apply: (store) =>
      change(store, {
        list: (range, options) => store.list(prefixOf(range) === '' ? { prefix: '\0' } : range, options),
      }),
  },
  {
    id: 'C2.directory-and-its-siblings',
    title: 'the slash at the end of a prefix is lost',
    caughtBy: ['C2.prefix-with-slash-is-a-directory'],
    apply: (store) =>
      change(store, {
        list: (range, options) => {
          const prefix = prefixOf(range);
          const directory = typeof prefix === 'string' && prefix.endsWith('/dir/');
          return store.list(directory ? { prefix: prefix.slice(0, -1) } : range, options);
        },
      }),
  },
];
