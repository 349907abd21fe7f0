import type { PutOptions } from '@holdfast/store';
import { isStoreError } from '@holdfast/store';
import { change } from './change.js';
import type { Mutant } from './mutant.js';

const ttlOf = (options: PutOptions | undefined) => options?.ttl;
const isTtl = (ttl: unknown): ttl is number => Number.isSafeInteger(ttl) && (ttl as number) > 0;

export const leaseMutants: readonly Mutant[] = [
  {
    id: 'C8.ttl-ignored',
    title: 'a key put with a ttl stays for ever',
    caughtBy: ['C8.guarded-ttl', 'C8.put-without-ttl-stays', 'C8.ttl-expires'],
    apply: (store) =>
      change(store, {
        put: (key, value, options) =>
          store.put(key, value, ttlOf(options) === 1 ? { ...options, ttl: 1_000_000 } : options),
      }),
  },
  {
    id: 'C8.granted-ttl-untold',
    title: 'a put with a ttl does not tell the time granted',
    caughtBy: ['C8.granted-ttl-is-told', 'C8.guarded-ttl', 'C8.ttl-is-a-lease'],
    apply: (store) =>
      change(store, {
        put: async (key, value, options) => {
          const result = await store.put(key, value, options);
          return 'ttl' in result ? { ...result, ttl: undefined } : result;
        },
      }),
  },
  {
    id: 'C8.lease-left-behind',
    title: 'the lease of a put that its guard refused is left to expire',
    caughtBy: ['C8.failed-put-leaves-no-lease'],
    apply: (store) =>
      change(store, {
        put: async (key, value, options) => {
          const { ttl, ...rest } = (options ?? {}) as PutOptions & { ifAbsent?: true };
          if (rest.ifAbsent !== true || !isTtl(ttl)) return store.put(key, value, options);
          const lease = await store.leases.grant(ttl);
          const result = await store.put(key, value, { ...rest, ifAbsent: true, lease: lease.id });
          return result.succeeded ? { ...result, ttl: lease.ttl, lease: lease.id } : result;
        },
      }),
  },
  {
    id: 'C8.keep-alive-does-nothing',
    title: 'keepAlive answers, and leaves the time of the lease as it was',
    caughtBy: ['C8.keep-alive'],
    apply: (store) =>
      change(store, {
        leases: {
          keepAlive: async (id, options) => {
            const { grantedTtl } = await store.leases.timeToLive(id, options);
            return { id, ttl: grantedTtl };
          },
        },
      }),
  },
  {
    id: 'C8.revoke-keeps-keys',
    title: 'the revocation of a lease detaches its keys instead of deleting them',
    caughtBy: ['C8.revoke-deletes-at-one-revision', 'C8.revoke-leaves-other-leases', 'C8.ttl-is-a-lease'],
    apply: (store) =>
      change(store, {
        leases: {
          revoke: async (id, options) => {
            const { keys } = await store.leases.timeToLive(id, { keys: true }).catch(() => ({ keys: [] }));
            for (const key of keys ?? []) await store.put(key, '', { ignoreValue: true });
            await store.leases.revoke(id, options);
          },
        },
      }),
  },
  {
    id: 'C8.keys-expire-one-by-one',
    title: 'the keys of a revoked lease go one after another',
    caughtBy: ['C8.revoke-deletes-at-one-revision'],
    apply: (store) =>
      change(store, {
        leases: {
          revoke: async (id, options) => {
            const { keys } = await store.leases.timeToLive(id, { keys: true }).catch(() => ({ keys: [] }));
            for (const key of keys ?? []) await store.delete(key);
            await store.leases.revoke(id, options);
          },
        },
      }),
  },
  {
    id: 'C8.keys-of-a-lease-untold',
    title: 'timeToLive does not tell the keys of a lease',
    caughtBy: ['C8.lease-keys', 'C8.ttl-is-a-lease'],
    apply: (store) =>
      change(store, {
        leases: {
          timeToLive: async (id, options) => ({ ...(await store.leases.timeToLive(id, options)), keys: [] }),
        },
      }),
  },
  {
    id: 'C8.revoke-of-nothing-succeeds',
    title: 'the revocation of a lease that is not there is answered as done',
    caughtBy: ['C8.unknown-leases'],
    apply: (store) =>
      change(store, {
        leases: {
          revoke: (id, options) =>
            store.leases.revoke(id, options).catch((error: unknown) => {
              if (!isStoreError(error, 'lease-not-found') || id !== '987654321') throw error;
            }),
        },
      }),
  },
];
