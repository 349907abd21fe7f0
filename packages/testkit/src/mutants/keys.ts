import type { KeyValue, ListResult } from '@holdfast/store';
import { change, changeBatches } from './change.js';
import type { Mutant } from './mutant.js';

export const keyMutants: readonly Mutant[] = [
  {
    id: 'C1.utf16-order',
    title: 'lists are sorted by UTF-16 units',
    caughtBy: ['C1.list-order-is-utf8', 'C2.random-bounds-in-deletes', 'C2.random-bounds-in-reads'],
    apply: (store) =>
      change(store, {
        list: async (range, options) => {
          const list = await store.list(range, options);
          if (options?.sort !== undefined) return list;
          return { ...list, items: [...list.items].sort((a, b) => (a.key < b.key ? -1 : 1)) };
        },
      }),
  },
  {
    id: 'C1.mangled-keys',
    title: 'keys that are not UTF-8 are listed among the others, with replacement characters',
    caughtBy: ['C1.undecodable-keys-in-lists', 'C16.prefix-shows-raw-keys', 'C2.byte-bounds-reach-raw-keys'],
    apply: (store) =>
      change(store, {
        list: async (range, options): Promise<ListResult> => {
          const list = await store.list(range, options);
          const mangled = list.undecodable.map(({ rawKey, revision }): KeyValue => ({
            key: new TextDecoder().decode(rawKey),
            value: new Uint8Array(),
            createRevision: revision,
            modRevision: revision,
          }));
          return { ...list, items: [...list.items, ...mangled], undecodable: [] };
        },
      }),
  },
  {
    id: 'C1.unreadable-keys-dropped',
    title: 'a watch keeps silent about keys that are not UTF-8',
    caughtBy: ['C1.undecodable-keys-in-batches'],
    apply: (store) => changeBatches(store, () => (batch) => (batch.undecodable.length > 0 ? [] : [batch])),
  },
  {
    id: 'C1.values-by-reference',
    title: "the store keeps the caller's own array",
    caughtBy: ['C1.values-are-copied-in'],
    apply: (store) => {
      const given = new Map<string, Uint8Array>();
      return change(store, {
        put: async (key, value, options) => {
          const result = await store.put(key, value, options);
          if (typeof value === 'string') given.delete(key);
          else given.set(key, value);
          return result;
        },
        get: async (key, options) => {
          const entry = await store.get(key, options);
          return entry && { ...entry, value: given.get(key) ?? entry.value };
        },
      });
    },
  },
  {
    id: 'C1.surrogates-replaced',
    title: 'a lone surrogate in a value is replaced instead of refused',
    caughtBy: ['C1.lone-surrogates-are-invalid'],
    apply: (store) =>
      change(store, {
        put: (key, value, options) =>
          store.put(key, typeof value === 'string' ? new TextEncoder().encode(value) : value, options),
      }),
  },
  {
    id: 'C1.keys-normalised',
    title: 'keys are brought into a Unicode normal form',
    caughtBy: ['C1.no-normalisation'],
    apply: (store) =>
      change(store, {
        put: (key, value, options) => store.put(typeof key === 'string' ? key.normalize('NFC') : key, value, options),
      }),
  },
  {
    id: 'C1.keys-percent-decoded',
    title: 'percent signs in keys are taken for an encoding',
    caughtBy: ['C1.any-unicode-key'],
    apply: (store) =>
      change(store, {
        put: (key, value, options) =>
          store.put(typeof key === 'string' ? key.replace('%41', 'A') : key, value, options),
      }),
  },
  {
    id: 'C1.keys-end-at-nul',
    title: 'a key ends at its first NUL',
    caughtBy: ['C1.any-syntax-keeps-keys', 'C2.random-bounds-in-watches'],
    apply: (store) =>
      change(store, {
        put: (key, value, options) =>
          store.put(typeof key === 'string' ? (key.split('\0')[0] ?? '') : key, value, options),
      }),
  },
];
