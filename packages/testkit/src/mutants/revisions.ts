import { toRevision } from '@holdfast/store';
import { change } from './change.js';
import type { Mutant } from './mutant.js';

export const revisionMutants: readonly Mutant[] = [
  {
    id: 'C3.create-revision-moves',
    title: 'an overwrite moves the createRevision that get tells',
    caughtBy: [
      'C10.previous-values',
      'C10.put-events',
      'C3.create-revision-stays',
      'C4.compaction-keeps-entries',
      'C4.get-of-the-past',
      'C6.guarded-delete-by-revision',
      'C6.if-mod-revision-fails-with-current',
    ],
    apply: (store) =>
      change(store, {
        get: async (key, options) => {
          const entry = await store.get(key, options);
          return entry && { ...entry, createRevision: entry.modRevision };
        },
      }),
  },
  {
    id: 'C3.version-is-not-reset',
    title: 'the version of a key goes on counting after its deletion',
    caughtBy: ['C10.put-events', 'C3.versions-count-writes'],
    apply: (store) => {
      const puts = new Map<string, number>();
      const deleted = new Set<unknown>();
      return change(store, {
        put: async (key, value, options) => {
          const result = await store.put(key, value, options);
          puts.set(key, (puts.get(key) ?? 0) + 1);
          return result;
        },
        delete: async (range, options) => {
          if (options === undefined) deleted.add(range);
          return store.delete(range, options);
        },
        get: async (key, options) => {
          const entry = await store.get(key, options);
          return entry && deleted.has(key) ? { ...entry, version: puts.get(key) ?? 0 } : entry;
        },
      });
    },
  },
  {
    id: 'C3.nothing-takes-a-revision',
    title: 'the deletion of nothing takes a revision',
    caughtBy: ['C3.reads-take-no-revision', 'C2.random-bounds-in-deletes'],
    apply: (store) =>
      change(store, {
        delete: async (range, options) => {
          const result = await store.delete(range, options);
          if (result.deleted === 0) await store.put('/elsewhere', '');
          return result;
        },
      }),
  },
  {
    id: 'C3.lease-ids-as-doubles',
    title: 'lease ids go through a JavaScript number',
    caughtBy: ['C3.lease-ids-are-exact'],
    apply: (store) =>
      change(store, {
        leases: {
          grant: async (ttl, options) => {
            const lease = await store.leases.grant(ttl, options);
            return { ...lease, id: options?.id === undefined ? lease.id : BigInt(Number(lease.id)).toString() };
          },
        },
      }),
  },
  {
    id: 'C3.revisions-are-rounded',
    title: 'a revision past 2^53−1 is rounded to one that is not',
    caughtBy: ['C3.unsafe-revisions-are-refused'],
    apply: (store) =>
      change(store, {
        get: (key, options) => {
          const revision = options?.revision;
          return store.get(
            key,
            revision === 2 ** 53 ? { ...options, revision: toRevision(Number.MAX_SAFE_INTEGER) } : options,
          );
        },
      }),
  },
  {
    id: 'C3.identity-of-another',
    title: 'status tells another identity than bookmarks do',
    caughtBy: ['C3.list-tells-its-revision'],
    apply: (store) =>
      change(store, { status: async (options) => ({ ...(await store.status(options)), identity: 'another' }) }),
  },
];
