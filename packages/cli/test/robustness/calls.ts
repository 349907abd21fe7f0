import { text, mirror } from '@holdfast/core';
import type { Capabilities, ConfigStore, Revision, WriteOutcome } from '@holdfast/store';

/** What a call works on: keys of its own, and what has to be there before it. */
export interface Ground {
  readonly store: ConfigStore;
  /** The call's own: nobody else writes below it. */
  readonly prefix: string;
  /** A key that is there, with the value `is`. */
  readonly there: string;
  readonly modRevision: Revision;
  /** A lease, where the store has them. */
  readonly lease: string;
}

export interface Call {
  readonly name: string;
  /** What a call says that was given up after its request had been sent; reads say nothing. */
  readonly outcome: WriteOutcome | undefined;
  /** Where the write comes after a request that only asks: held back at that, nothing was written. */
  readonly asksFirst?: (capabilities: Capabilities) => boolean;
  readonly needs?: (capabilities: Capabilities) => boolean;
  /** Makes the call; every key that it writes is `${prefix}new`, or is {@link Ground.there}. */
  readonly run: (ground: Ground, signal: AbortSignal) => Promise<unknown>;
}

const multi = (capabilities: Capabilities): boolean => capabilities.transactions === 'multi-key';
const leases = (capabilities: Capabilities): boolean => capabilities.leases;
const fresh = ({ prefix }: Ground): string => `${prefix}new`;

/** Every method of `ConfigStore` and `Leases` that takes a signal, in every form that takes another way to the server. */
export const CALLS: readonly Call[] = [
  { name: 'get', outcome: undefined, run: ({ store, there }, signal) => store.get(there, { signal }) },
  {
    name: 'get, with a time-out beside the signal',
    outcome: undefined,
    run: ({ store, there }, signal) => store.get(there, { signal, timeoutMs: 60_000 }),
  },
  { name: 'list', outcome: undefined, run: ({ store, prefix }, signal) => store.list({ prefix }, { signal }) },
  {
    name: 'scan',
    outcome: undefined,
    run: async ({ store, prefix }, signal) => {
      const keys: string[] = [];
      for await (const page of store.scan({ prefix }, { signal })) {
        for (let index = 0; index < page.length; index++) keys.push(page.key(index));
      }
      return keys;
    },
  },
  { name: 'put', outcome: 'unknown', run: (ground, signal) => ground.store.put(fresh(ground), 'x', { signal }) },
  {
    name: 'put, if absent',
    outcome: 'unknown',
    run: (ground, signal) => ground.store.put(fresh(ground), 'x', { signal, ifAbsent: true }),
  },
  {
    name: 'put, if of a value',
    outcome: 'unknown',
    run: ({ store, there }, signal) => store.put(there, 'x', { signal, ifValue: 'is' }),
  },
  {
    name: 'put, if of a revision',
    outcome: 'unknown',
    run: ({ store, there, modRevision }, signal) => store.put(there, 'x', { signal, ifModRevision: modRevision }),
  },
  {
    name: 'put with a time to live and no lease',
    outcome: 'unknown',
    needs: (capabilities) => capabilities.ttl && !capabilities.leases,
    run: (ground, signal) => ground.store.put(fresh(ground), 'x', { signal, ttl: 60 }),
  },
  {
    name: 'put with a time to live, as a lease',
    outcome: 'unknown',
    asksFirst: leases,
    needs: leases,
    run: (ground, signal) => ground.store.put(fresh(ground), 'x', { signal, ttl: 60 }),
  },
  { name: 'delete', outcome: 'unknown', run: ({ store, there }, signal) => store.delete(there, { signal }) },
  {
    name: 'delete, if of a value',
    outcome: 'unknown',
    run: ({ store, there }, signal) => store.delete(there, { signal, ifValue: 'is' }),
  },
  {
    name: 'delete, if of a revision',
    outcome: 'unknown',
    run: ({ store, there, modRevision }, signal) => store.delete(there, { signal, ifModRevision: modRevision }),
  },
  {
    name: 'delete of a range',
    outcome: 'unknown',
    asksFirst: ({ rangeDeletes }) => rangeDeletes === 'directory',
    run: ({ store, prefix }, signal) => store.delete({ prefix }, { signal }),
  },
  {
    name: 'txn',
    outcome: 'unknown',
    run: (ground, signal) =>
      ground.store.txn(
        {
          if: [{ key: fresh(ground), target: 'createRevision', op: '=', value: 0 }],
          then: [{ type: 'put', key: fresh(ground), value: 'x' }],
        },
        { signal },
      ),
  },
  {
    name: 'txn of several keys',
    outcome: 'unknown',
    needs: multi,
    run: (ground, signal) =>
      ground.store.txn(
        {
          then: [
            { type: 'put', key: fresh(ground), value: 'x' },
            { type: 'delete', range: { key: ground.there } },
          ],
        },
        { signal },
      ),
  },
  {
    name: 'compact',
    outcome: 'unknown',
    needs: ({ compaction }) => compaction,
    run: ({ store, modRevision }, signal) => store.compact(modRevision, { signal }),
  },
  { name: 'status', outcome: undefined, run: ({ store }, signal) => store.status({ signal }) },
  {
    name: 'leases.grant',
    outcome: 'unknown',
    needs: leases,
    run: ({ store }, signal) => store.leases.grant(60, { signal }),
  },
  {
    name: 'leases.keepAlive',
    outcome: undefined,
    needs: leases,
    run: ({ store, lease }, signal) => store.leases.keepAlive(lease, { signal }),
  },
  {
    name: 'leases.timeToLive',
    outcome: undefined,
    needs: leases,
    run: ({ store, lease }, signal) => store.leases.timeToLive(lease, { signal, keys: true }),
  },
  {
    name: 'leases.list',
    outcome: undefined,
    needs: ({ leaseListing }) => leaseListing,
    run: ({ store }, signal) => store.leases.list({ signal }),
  },
  {
    name: 'leases.revoke',
    outcome: 'unknown',
    needs: leases,
    run: ({ store, lease }, signal) => store.leases.revoke(lease, { signal }),
  },
  {
    name: 'mirror',
    outcome: undefined,
    run: async ({ store, prefix }, signal) => {
      const mirrored = await mirror(store, { prefix, codec: text(), signal });
      await mirrored.close();
      return mirrored.size;
    },
  },
];
