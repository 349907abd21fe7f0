import { observeLeader, openSession, transact, type Session } from '@holdfast/coordination';
import { isStoreError, StoreError, type ConfigStore, type Txn } from '@holdfast/store';
import { afterEach, describe, test } from '@jest/globals';
import { Tally } from '../../../packages/coordination/src/elections/tally.js';
import { SessionContext } from '../../../packages/coordination/src/life/context.js';
import { Lifetime } from '../../../packages/coordination/src/life/lifetime.js';
import { HeldLock } from '../../../packages/coordination/src/locks/held-lock.js';
import { Elapsed } from '../../../packages/coordination/src/util/elapsed.js';
import { override } from '../../../.ci/test/support/override.js';
import { sample } from '../../../.ci/test/support/sample.js';
import { runCoordinationCampaign } from '../src/coordination/campaign.js';
import { holdfast, type Implementation } from '../src/coordination/implementation.js';
import { type Broken, type BrokenKind, expectFound, withTxn } from './support/broken.js';
import { replace, restoreAll } from './support/patches.js';

// As many worlds as a mutant may take to be caught; most are caught by the first few.
const MOST_WORLDS = 60;

const broken: Broken<Implementation> = {};
const newest = new WeakMap<Tally, { readonly last: string }>();

/** Sessions of which some calls do something else. */
function sessionsWith(change: (session: Session, store: ConfigStore) => Partial<Session>): Broken<Implementation> {
  return {
    implementation: {
      ...holdfast,
      openSession: async (store, options) => {
        const session = await openSession(store, options);
        return override(session, change(session, store));
      },
    },
  };
}

const isMarkAbsent = (compare: object): boolean => 'key' in compare && String(compare.key).includes('.given-up-');

const mutants: readonly BrokenKind<Implementation>[] = [
  {
    name: 'a session that counts on three times the time of its lease',
    guarantee: 'exclusive',
    from: 98,
    install: () => {
      replace(
        Lifetime.prototype,
        'renewed',
        (original) =>
          function (this: Lifetime, sentAt, ttl) {
            original.call(this, sentAt, ttl * 3);
          },
      );
      return broken;
    },
  },
  {
    name: 'a session that does not count the time that its machine slept',
    guarantee: 'exclusive',
    from: 98,
    install: () => {
      replace(
        Elapsed.prototype,
        'since',
        () =>
          function (this: Elapsed, moment) {
            return this.now().monotonicMs - moment.monotonicMs;
          },
      );
      return broken;
    },
  },
  {
    name: 'a queue in which everybody sees only itself',
    guarantee: 'exclusive',
    install: () =>
      withTxn((txn) => ({
        ...txn,
        then: (txn.then ?? []).map((op) => (op.type === 'list' ? { ...op, range: ownKeyOf(txn) ?? op.range } : op)),
      })),
  },
  {
    name: 'a release that removes whatever is first in the queue',
    guarantee: 'exclusive',
    from: 6,
    install: () =>
      sessionsWith((session, store) => ({
        lock: async (name, options) => {
          const held = await session.lock(name, options);
          const release = async () => {
            const { items } = await store.list({ prefix: `${name}/` });
            const [first] = items;
            if (first !== undefined) await store.delete(first.key);
            await held.release();
          };
          return override(held, { release });
        },
      })),
  },
  {
    name: 'a holder that is told nothing when somebody deletes its key',
    guarantee: 'told',
    from: 23,
    install: () => {
      replace(
        HeldLock.prototype,
        'check',
        () =>
          function (this: HeldLock) {
            (this as unknown as { readonly context: SessionContext }).context.life.check();
          },
      );
      return broken;
    },
  },
  {
    name: 'a lock without a queue, that is tried again and again',
    guarantee: 'order',
    from: 30,
    install: () =>
      sessionsWith((session, store) => ({
        lock: async (name, options) => {
          for (;;) {
            const held = await session.tryLock(name, options);
            if (held !== undefined) return held;
            session.check();
            // As long as it takes to be answered.
            for (let n = 0; n < 20; n += 1) await store.list({ prefix: `${name}/` });
          }
        },
      })),
  },
  {
    name: 'an attempt that was given up, without a mark: its write lands late',
    guarantee: 'left',
    from: 9,
    install: () => withTxn((txn) => ({ ...txn, if: (txn.if ?? []).filter((compare) => !isMarkAbsent(compare)) })),
  },
  {
    name: 'a removal that is not made again after a refusal',
    guarantee: 'left',
    from: 595,
    install: () => {
      replace(
        SessionContext.prototype,
        'persistAfter',
        () =>
          async function (this: SessionContext, refusal) {
            await Promise.resolve();
            throw refusal;
          },
      );
      return broken;
    },
  },
  {
    name: 'a session that holds nothing, and does not look whether its history is gone',
    guarantee: 'served',
    from: 89,
    install: () => {
      replace(
        SessionContext.prototype,
        'lookAtHistory',
        () =>
          function (this: SessionContext) {
            return Promise.resolve();
          },
      );
      return broken;
    },
  },
  {
    name: 'waiters that nobody wakes',
    guarantee: 'served',
    install: () => ({
      wrapStore: (store) =>
        override(store, {
          watch: (range, options) => store.watch(options?.only === 'delete' ? '/nowhere' : range, options),
        }),
    }),
  },
  {
    name: 'an observer that takes the last put for the leader',
    guarantee: 'observed',
    install: () => {
      // It keeps nothing but the last key that was written.
      replace(
        Tally.prototype,
        'apply',
        (original) =>
          function (this: Tally, event) {
            const { last } = newest.get(this) ?? {};
            if (event.type === 'put' && last !== undefined && last !== event.current.key)
              original.call(this, { type: 'delete', key: last, revision: event.revision });
            if (event.type === 'put') newest.set(this, { last: event.current.key });
            original.call(this, event);
          },
      );
      return broken;
    },
  },
  {
    name: 'an observer that is not told of a gap',
    guarantee: 'observed',
    install: () => ({
      implementation: {
        ...holdfast,
        observeLeader: async function* (...args) {
          for await (const leader of observeLeader(...args)) {
            yield leader && { value: leader.value, token: leader.token };
          }
        },
      },
    }),
  },
  {
    name: 'answers that are taken for ordered: a late one loses the session',
    guarantee: 'alarm',
    from: 8,
    install: () => {
      replace(
        SessionContext.prototype,
        'noteState',
        (original) =>
          function (this: SessionContext, answered) {
            original.call(this, answered, this.newest);
          },
      );
      return broken;
    },
  },
  {
    name: 'a store whose outages are taken for refusals',
    guarantee: 'outcome',
    install: () =>
      withTxn(
        (txn) => txn,
        (result) =>
          result.catch((error: unknown) => {
            if (!isStoreError(error, 'unavailable')) throw error;
            throw new StoreError('unavailable', error.message, { outcome: error.outcome, retryable: false });
          }),
      ),
  },
  {
    name: 'a transaction that does not compare what it has read',
    guarantee: 'serializable',
    from: 10,
    install: () => withTxn((txn) => (isTransfer(txn) ? { ...txn, if: [] } : txn)),
  },
  {
    name: 'a transaction that forgets its conditions',
    guarantee: 'guarded',
    from: 18,
    install: () => ({
      implementation: {
        ...holdfast,
        transact: (store, work, options) => transact(store, work, { ...options, if: [] }),
      },
    }),
  },
  {
    name: 'a transaction that says of a lost answer that nothing happened',
    guarantee: 'applied once',
    from: 28,
    install: () => ({
      implementation: {
        ...holdfast,
        transact: (...args) =>
          transact(...args).catch((error: unknown) => {
            if (!isStoreError(error)) throw error;
            throw new StoreError(error.code, error.message, { outcome: 'not-applied' });
          }),
      },
    }),
  },
  {
    name: 'a session that leaves a timer behind',
    guarantee: 'resources',
    install: () => ({
      implementation: {
        ...holdfast,
        openSession: (store, options) => {
          options?.clock?.setTimeout(() => undefined, 1e9);
          return openSession(store, options);
        },
      },
    }),
  },
];

function ownKeyOf({ then }: Txn): string | undefined {
  for (const op of then ?? []) if (op.type === 'put') return op.key;
  return undefined;
}

function isTransfer({ then }: Txn): boolean {
  return then?.some((op) => op.type === 'put' && op.key.startsWith('/transfers/')) === true;
}

describe('every checker of coordination finds what it is for', () => {
  afterEach(restoreAll);

  test.each(sample(mutants).map((mutant) => [mutant.name, mutant] as const))('%s', (_, mutant) =>
    expectFound(mutant, runCoordinationCampaign, MOST_WORLDS),
  );
});
