import { replicate } from '@holdfast/core/replicate';
import { isStoreError, StoreError, type ConfigStore, type Op, toRevision } from '@holdfast/store';
import { afterEach, describe, test } from '@jest/globals';
import { ConflictBook } from '../../../packages/core/src/replicate/conflict-book.js';
import { HeldLeases } from '../../../packages/core/src/replicate/held-leases.js';
import { SingleLedger } from '../../../packages/core/src/replicate/single-ledger.js';
import { StepQueue } from '../../../packages/core/src/replicate/step-queue.js';
import { TxnLedger } from '../../../packages/core/src/replicate/txn-ledger.js';
import { override } from '../../../.ci/test/support/override.js';
import { sample } from '../../../.ci/test/support/sample.js';
import { runReplicationCampaign } from '../src/replication/campaign.js';
import type { Implementation } from '../src/replication/implementation.js';
import { RECORD, TO } from '../src/replication/plan.js';
import { type Broken, type BrokenKind, expectFound, withTxn } from './support/broken.js';
import { replace, replaceGetter, restoreAll, leaveOut } from './support/patches.js';

// As many worlds as a mutant may take to be caught; most are caught by the first few.
const MOST_WORLDS = 40;

const broken: Broken<Implementation> = {};

/** Replications of which some calls do something else. */
function replicationsWith(
  change: (replication: Awaited<ReturnType<Implementation>>) => object,
): Broken<Implementation> {
  return {
    implementation: async (...args) => {
      const replication = await replicate(...args);
      return override(replication, change(replication));
    },
  };
}

const writerOf = (record: Uint8Array | string): unknown =>
  (JSON.parse(Buffer.from(record).toString()) as { readonly writer?: unknown }).writer;

const comparesKeyUnder =
  (prefix: string) =>
  (compare: object): boolean =>
    'key' in compare && String(compare.key).startsWith(prefix);

const isReceipt = (op: Op): boolean =>
  op.type === 'delete' &&
  typeof op.range === 'object' &&
  'key' in op.range &&
  String(op.range.key).startsWith(`${RECORD}~`);

const mutants: readonly BrokenKind<Implementation>[] = [
  {
    name: 'a transaction that does not compare the record',
    guarantee: 'guarded',
    install: () => withTxn((txn) => ({ ...txn, if: (txn.if ?? []).filter((each) => !comparesKeyUnder(RECORD)(each)) })),
  },
  {
    name: 'a transaction that does not compare the keys',
    guarantee: 'overwritten',
    from: 13,
    install: () => withTxn((txn) => ({ ...txn, if: (txn.if ?? []).filter((each) => !comparesKeyUnder(TO)(each)) })),
  },
  {
    name: 'a transaction without its record',
    guarantee: 'guarded',
    install: () =>
      withTxn((txn) => {
        const then = txn.then ?? [];
        const isData = then.some((op) => op.type === 'put' && op.key.startsWith(TO));
        return { ...txn, then: then.filter((op) => !(isData && op.type === 'put' && op.key === RECORD)) };
      }),
  },
  {
    name: 'a replicator that says nothing of what it overwrites',
    guarantee: 'overwritten',
    from: 13,
    install: () => {
      leaveOut(ConflictBook.prototype, 'tell');
      return broken;
    },
  },
  {
    name: 'a step that is taken twice',
    guarantee: 'doubled',
    install: () => {
      replace(
        StepQueue.prototype,
        'add',
        (original) =>
          function (this: StepQueue, step) {
            original.call(this, step);
            original.call(this, step);
          },
      );
      return broken;
    },
  },
  {
    name: 'a replicator that does not see deletions',
    guarantee: 'lost',
    from: 5,
    install: () => {
      replace(
        StepQueue.prototype,
        'add',
        (original) =>
          function (this: StepQueue, step) {
            original.call(this, { ...step, changes: step.changes.filter(({ type }) => type !== 'delete') });
          },
      );
      return broken;
    },
  },
  {
    name: 'a step for each key',
    guarantee: 'torn',
    install: () => {
      replace(
        StepQueue.prototype,
        'add',
        (original) =>
          function (this: StepQueue, step) {
            for (const change of step.changes) original.call(this, { ...step, changes: [change] });
          },
      );
      return broken;
    },
  },
  {
    name: 'parts of what would fit',
    guarantee: 'torn',
    install: () => {
      replace(
        TxnLedger.prototype,
        'commit',
        (original) =>
          function (this: TxnLedger, writes, progress, migration) {
            if (writes.length < 2) return original.call(this, writes, progress, migration);
            return Promise.reject(new StoreError('too-large', 'more than one', { outcome: 'not-applied' }));
          },
      );
      return broken;
    },
  },
  {
    name: 'steps in another order',
    guarantee: 'resurrected',
    from: 8,
    install: () => {
      const held = new WeakMap<StepQueue, Parameters<StepQueue['add']>[0]>();
      replace(
        StepQueue.prototype,
        'add',
        (original) =>
          function (this: StepQueue, step) {
            const before = held.get(this);
            held.delete(this);
            if (before === undefined) held.set(this, step);
            else for (const each of [step, before]) original.call(this, each);
          },
      );
      return broken;
    },
  },
  {
    name: 'a replicator that follows into any history',
    guarantee: 'history',
    from: 2,
    install: () => ({
      implementation: (source, target, options) => replicate(source, target, { ...options, acceptHistory: true }),
    }),
  },
  {
    name: 'a target that alters values',
    guarantee: 'phantom',
    install: () =>
      withTxn((txn) => ({
        ...txn,
        then: (txn.then ?? []).map((op) =>
          op.type === 'put' && op.key.startsWith(TO) ? { ...op, value: `${Buffer.from(op.value).toString()}!` } : op,
        ),
      })),
  },
  {
    name: 'a replicator that does not know its own keys again',
    guarantee: 'alarm',
    install: () => {
      for (const ledger of [TxnLedger, SingleLedger]) {
        replace(
          ledger.prototype as TxnLedger,
          'read',
          (original) =>
            async function (this: TxnLedger) {
              return { ...(await original.call(this)), isOwn: () => false };
            },
        );
      }
      return broken;
    },
  },
  {
    name: 'lost answers that are taken for refusals',
    guarantee: 'doubled',
    from: 25,
    install: () =>
      withTxn(
        (txn) => txn,
        (result) =>
          result.catch((error: unknown) => {
            if (!isStoreError(error, 'unavailable')) throw error;
            throw new StoreError('unavailable', error.message, { outcome: 'not-applied' });
          }),
      ),
  },
  {
    name: 'a sync that waits for nothing',
    guarantee: 'sync',
    from: 5,
    install: () => replicationsWith(() => ({ sync: () => Promise.resolve() })),
  },
  {
    name: 'a sync that never succeeds',
    guarantee: 'served',
    install: () => replicationsWith(() => ({ sync: () => Promise.reject(new StoreError('timeout', 'too late')) })),
  },
  {
    name: 'copies without leases',
    guarantee: 'leases',
    install: () => {
      replaceGetter(HeldLeases.prototype, 'isPossible', () => false);
      return broken;
    },
  },
  {
    name: 'leased keys that are not written again',
    guarantee: 'lost',
    from: 78,
    install: () => {
      leaveOut(StepQueue.prototype, 'addRepair');
      return broken;
    },
  },
  {
    name: 'receipts that nobody clears away',
    guarantee: 'left',
    from: 5,
    install: () => withTxn((txn) => ({ ...txn, then: (txn.then ?? []).filter((op) => !isReceipt(op)) })),
  },
  {
    name: 'a replicator that writes its record once, on a target like etcd v2',
    guarantee: 'guarded',
    from: 3,
    install: () => ({
      wrapStore: (store) =>
        override(store, {
          put: (async (...args: Parameters<ConfigStore['put']>) => {
            const isRecord = args[0] === RECORD && store.capabilities.transactions === 'single-key';
            const found = isRecord ? await store.get(RECORD) : undefined;
            if (found === undefined || writerOf(found.value) !== writerOf(args[1])) return store.put(...args);
            return { succeeded: true, revision: found.modRevision };
          }) as ConfigStore['put'],
        }),
    }),
  },
  {
    name: 'a record that promises what is not written yet, on a target like etcd v2',
    guarantee: 'lost',
    from: 3,
    install: () => {
      replace(
        SingleLedger.prototype,
        'commit',
        (original) =>
          async function (this: SingleLedger, writes, progress, migration) {
            await original.call(this, [], progress, migration);
            return original.call(this, writes, progress, migration);
          },
      );
      return broken;
    },
  },
  {
    name: 'a record of a state that the source never had',
    guarantee: 'phantom',
    install: () => {
      replace(
        TxnLedger.prototype,
        'commit',
        (original) =>
          function (this: TxnLedger, writes, { bookmark, ...progress }, migration) {
            const ahead =
              bookmark === undefined ? bookmark : { ...bookmark, revision: toRevision(bookmark.revision + 1_000) };
            return original.call(this, writes, { ...progress, bookmark: ahead }, migration);
          },
      );
      return broken;
    },
  },
  {
    name: 'parts of what would just fit',
    guarantee: 'torn',
    from: 22,
    install: () => {
      replace(
        TxnLedger.prototype,
        'commit',
        (original) =>
          function (this: TxnLedger, writes, progress, migration) {
            if (![5, 6, 7, 8].includes(writes.length)) return original.call(this, writes, progress, migration);
            return Promise.reject(new StoreError('too-large', 'just as many', { outcome: 'not-applied' }));
          },
      );
      return broken;
    },
  },
  {
    name: 'a replicator that takes the record back while it compares',
    guarantee: 'guarded',
    from: 108,
    install: () => {
      const complete = new WeakSet<TxnLedger>();
      replace(
        TxnLedger.prototype,
        'commit',
        (original) =>
          async function (this: TxnLedger, writes, progress, migration) {
            try {
              const result = await original.call(this, writes, progress, migration);
              if (progress.toward === undefined) complete.add(this);
              return result;
            } catch (error) {
              if (complete.has(this) || !isStoreError(error, 'conflict')) throw error;
              await this.open();
              return original.call(this, writes, progress, migration);
            }
          },
      );
      return broken;
    },
  },
  {
    name: 'a replicator that never finds its leases again',
    guarantee: 'doubled',
    install: () => {
      replace(
        HeldLeases.prototype,
        'adopt',
        () =>
          function (this: HeldLeases) {
            return Promise.resolve();
          },
      );
      return broken;
    },
  },
  {
    name: 'a conflict that is told again when it is over',
    guarantee: 'alarm',
    install: () => ({
      implementation: (source, target, options) => {
        const { clock, logger } = options;
        const warn: NonNullable<typeof logger>['warn'] = (...args) => {
          logger?.warn(...args);
          if (args[0].startsWith('replication conflict')) clock?.setTimeout(() => logger?.warn(...args), 500);
        };
        return replicate(source, target, {
          ...options,
          ...(logger === undefined ? {} : { logger: { ...logger, warn } }),
        });
      },
    }),
  },
  {
    name: 'a replicator that never trusts a source again that was restored once',
    guarantee: 'alarm',
    from: 6,
    install: () => {
      const first = new WeakMap<ConfigStore, string>();
      return {
        implementation: async (source, target, options) => {
          const replication = await replicate(source, target, options);
          const { identity } = replication.bookmark ?? { identity: '' };
          if (!first.has(source)) first.set(source, identity);
          if (options.acceptHistory === true || first.get(source) === identity) return replication;
          await replication.close();
          throw new StoreError('history-changed', 'the source was restored once');
        },
      };
    },
  },
  {
    name: 'a replication that leaves a timer behind',
    guarantee: 'resources',
    install: () => ({
      implementation: (source, target, options) => {
        options.clock?.setTimeout(() => undefined, 1e9);
        return replicate(source, target, options);
      },
    }),
  },
];

describe('every checker of replication finds what it is for', () => {
  afterEach(restoreAll);

  test.each(sample(mutants).map((mutant) => [mutant.name, mutant] as const))('%s', (_, mutant) =>
    expectFound(mutant, runReplicationCampaign, MOST_WORLDS),
  );
});
