import { StoreError } from '@holdfast/store';
import { change } from './change.js';
import { withoutLeases } from './fewer.js';
import type { Mutant } from './mutant.js';

/** The options without these. */
function without(options: object | undefined, ...names: string[]): object {
  return Object.fromEntries(Object.entries(options ?? {}).filter(([name]) => !names.includes(name)));
}

function option(options: object | undefined, name: string): unknown {
  return (options as Record<string, unknown> | undefined)?.[name];
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

const failed = (result: unknown) => (result as { succeeded?: boolean }).succeeded === false;

export const writeMutants: readonly Mutant[] = [
  {
    id: 'C6.any-revision-will-do',
    title: 'ifModRevision only looks whether the key is there',
    caughtBy: ['C6.guards-see-outside-writes', 'C6.if-mod-revision-fails-with-current', 'C6.no-lost-update'],
    apply: (store) =>
      change(store, {
        put: (key, value, options) => {
          const revision = option(options, 'ifModRevision');
          if (typeof revision !== 'number' || !(revision > 0) || !Number.isSafeInteger(revision))
            return store.put(key, value, options);
          return store.put(key, value, { ...without(options, 'ifModRevision'), ifPresent: true });
        },
      }),
  },
  {
    id: 'C6.values-by-their-beginning',
    title: 'ifValue is satisfied by a value that begins like it',
    caughtBy: ['C6.if-value-fails-with-current'],
    apply: (store) =>
      change(store, {
        put: async (key, value, options) => {
          const expected = option(options, 'ifValue');
          const current = isText(expected) ? await store.get(key) : undefined;
          if (current === undefined || !new TextDecoder().decode(current.value).startsWith(String(expected))) {
            return store.put(key, value, options);
          }
          return store.put(key, value, { ...without(options, 'ifValue'), ifPresent: true });
        },
      }),
  },
  {
    id: 'C6.absent-is-empty',
    title: 'an empty ifValue is satisfied by an absent key',
    caughtBy: ['C6.if-value-of-nothing'],
    apply: (store) =>
      change(store, {
        put: async (key, value, options) => {
          const result = await store.put(key, value, options);
          if (option(options, 'ifValue') !== '' || !failed(result) || (await store.get(key)) !== undefined)
            return result;
          return store.put(key, value, { ...without(options, 'ifValue'), ifAbsent: true });
        },
      }),
  },
  {
    id: 'C6.guard-throws',
    title: 'a failed ifPresent is an exception',
    caughtBy: ['C6.if-present-fails'],
    apply: (store) =>
      change(store, {
        put: async (key, value, options) => {
          const result = await store.put(key, value, options);
          if (option(options, 'ifPresent') === true && failed(result))
            throw new StoreError('conflict', 'the key is absent');
          return result;
        },
      }),
  },
  {
    id: 'C6.current-is-missing',
    title: 'a failed ifAbsent does not tell what there is',
    caughtBy: ['C16.prefix-reads-and-writes', 'C6.if-absent-fails-with-current', 'C6.one-creator-wins'],
    apply: (store) =>
      change(store, {
        put: async (key, value, options) => {
          const result = await store.put(key, value, options);
          return option(options, 'ifAbsent') === true && failed(result) ? { succeeded: false } : result;
        },
      }),
  },
  {
    id: 'C6.check-then-act',
    title: 'ifAbsent reads first and writes then, in two steps',
    caughtBy: ['C6.one-creator-wins', 'C7.lost-guarded-put-is-not-a-result'],
    apply: (store) =>
      change(store, {
        put: async (key, value, options) => {
          const plain = option(options, 'ifAbsent') === true && Object.keys(options ?? {}).length === 1;
          if (!plain || !isText(key) || key === '') return store.put(key, value, options);
          const current = await store.get(key);
          if (current !== undefined) return { succeeded: false, current };
          return { succeeded: true, ...(await store.put(key, value)) };
        },
      }),
  },
  {
    id: 'C6.delete-guard-ignored',
    title: 'a delete takes no notice of ifModRevision',
    caughtBy: ['C6.guarded-delete-by-revision'],
    apply: (store) =>
      change(store, {
        delete: async (range, options) => {
          const { ifModRevision, ...rest } = (options ?? {}) as { ifModRevision?: unknown };
          const guarded = typeof ifModRevision === 'number' && ifModRevision > 0 && Object.keys(rest).length === 0;
          const found = guarded && isText(range) ? await store.get(range) : undefined;
          if (found === undefined) return store.delete(range, options);
          return { succeeded: true, ...(await store.delete(range, rest)) };
        },
      }),
  },
  {
    id: 'C6.previous-is-current',
    title: 'previous is the entry after the put',
    caughtBy: ['C6.guarded-put-previous', 'C6.put-previous'],
    apply: (store) =>
      change(store, {
        put: async (key, value, options) => {
          const result = await store.put(key, value, options);
          return 'previous' in result && result.previous !== undefined
            ? { ...result, previous: await store.get(key) }
            : result;
        },
      }),
  },
  {
    id: 'C6.deleted-is-always-one',
    title: 'a delete of one key always counts one',
    caughtBy: ['C6.delete-counts'],
    apply: (store) =>
      change(store, {
        delete: async (range, options) => {
          const result = await store.delete(range, options);
          return typeof range === 'object' && range !== null && 'key' in range ? { ...result, deleted: 1 } : result;
        },
      }),
  },
  {
    id: 'C6.value-lost-with-ignore-value',
    title: 'ignoreValue writes the empty value that is passed with it',
    caughtBy: ['C6.ignore-value'],
    apply: (store) =>
      change(store, {
        put: async (key, value, options) => {
          const result = await store.put(key, value, options);
          return option(options, 'ignoreValue') === true ? store.put(key, '', without(options, 'ignoreValue')) : result;
        },
      }),
  },
  {
    id: 'C6.value-lost-without-leases',
    title: 'a store without leases overlooks ignoreValue, and empties the key',
    caughtBy: ['C6.ignore-value-without-leases'],
    apply: (whole) => {
      const store = withoutLeases(whole);
      return change(store, {
        put: (key, value, options) => store.put(key, value, without(options, 'ignoreValue')),
      });
    },
  },
  {
    id: 'C6.lease-lost-with-ignore-lease',
    title: 'ignoreLease detaches the key',
    caughtBy: ['C6.put-with-lease'],
    apply: (store) =>
      change(store, {
        put: async (key, value, options) => {
          const result = await store.put(key, value, options);
          return option(options, 'ignoreLease') === true
            ? store.put(key, value, without(options, 'ignoreLease'))
            : result;
        },
      }),
  },
  {
    id: 'C6.misspelt-guard',
    title: 'a guard that is undefined is no guard',
    caughtBy: ['C6.bad-put-options-are-invalid'],
    apply: (store) =>
      change(store, {
        put: (key, value, options) =>
          store.put(
            key,
            value,
            options && Object.fromEntries(Object.entries(options).filter(([, given]) => given !== undefined)),
          ),
      }),
  },
  {
    id: 'C6.guarded-delete-of-nothing-succeeds',
    title: 'a guarded delete of an absent key says that it succeeded',
    caughtBy: ['C6.guarded-delete-of-nothing'],
    apply: (store) =>
      change(store, {
        delete: async (range, options) => {
          const result = await store.delete(range, options);
          if (!failed(result) || !isText(range) || (await store.get(range)) !== undefined) return result;
          return { succeeded: true, revision: (await store.status()).revision, deleted: 0 };
        },
      }),
  },
  {
    id: 'C6.previous-of-deletes-missing',
    title: 'a delete gives no previous entries',
    caughtBy: ['C6.delete-previous', 'C6.guarded-delete-previous'],
    apply: (store) =>
      change(store, {
        delete: async (range, options) => ({ ...(await store.delete(range, options)), previous: undefined }),
      }),
  },
];
