import type { ConfigStore, StoreError } from '@holdfast/store';
import type { Link } from '../backend.js';
import type { ConformanceCase } from '../case.js';
import type { ConformanceContext } from '../context.js';
import { expectEqual, expectStoreError, expectTrue, text } from '../expect.js';

// What a lost answer may come out as: the link's failure, or the time-out of the call.
const LOST = ['unavailable', 'timeout'] as const;

interface Disturbed {
  readonly store: ConfigStore;
  readonly link: Link;
}

async function disturbed(context: ConformanceContext): Promise<Disturbed> {
  const { store, link } = await context.hook('disturbed')();
  context.adopt(store);
  // What comes later must not be the first use of the connection, which may be refused outright.
  await store.get(context.key('a'));
  return { store, link };
}

/** Makes a write whose answer is lost, and heals the link. Gives the write's error. */
async function loseAnswerOf(
  context: ConformanceContext,
  { store, link }: Disturbed,
  write: (store: ConfigStore) => Promise<unknown>,
  applied: () => Promise<boolean>,
): Promise<StoreError> {
  await link.loseAnswers();
  const failed = expectStoreError(write(store), LOST, 'a write whose answer is lost');
  // Heard before it may fail: the write fails when the link heals.
  failed.catch(() => undefined);
  await context.eventually('the write to arrive', applied);
  await link.heal();
  const error = await context.inTime(failed, 'the write to fail');
  // Whatever the adapter still had in its queues is sent before this read is answered.
  await store.get(context.key('a'));
  return error;
}

export const ambiguityCases: readonly ConformanceCase[] = [
  {
    id: 'C7.lost-put-is-unknown-and-not-repeated',
    clauses: ['C7'],
    title: 'a put whose answer is lost fails with outcome unknown, and is not sent again (trap 9)',
    needs: ['disturbed'],
    async run(context) {
      const { store, key } = context;
      const first = await store.put(key('a'), '0');
      const reader = await context.follow();
      const error = await loseAnswerOf(
        context,
        await disturbed(context),
        (through) => through.put(key('a'), '1'),
        async () => text((await store.get(key('a')))?.value) === '1',
      );
      expectEqual(error.outcome, 'unknown', 'outcome');
      await store.put(key('end'), '');
      const events = await reader.untilKey(key('end'));
      expectEqual(events.length, 1, 'how often the put was applied');
      expectTrue((events[0]?.revision ?? 0) > first.revision, 'the put must be a revision of its own');
    },
  },
  {
    id: 'C7.lost-guarded-put-is-not-a-result',
    clauses: ['C7', 'C6'],
    title: 'a guarded put whose answer is lost is an error with outcome unknown, not a failed guard',
    needs: ['disturbed'],
    async run(context) {
      const { store, key } = context;
      const error = await loseAnswerOf(
        context,
        await disturbed(context),
        (through) => through.put(key('a'), '1', { ifAbsent: true }),
        async () => (await store.get(key('a'))) !== undefined,
      );
      expectEqual(error.outcome, 'unknown', 'outcome');
    },
  },
  {
    id: 'C7.lost-delete-is-unknown',
    clauses: ['C7'],
    title: 'a delete whose answer is lost fails with outcome unknown, and deletes nothing that is put later',
    needs: ['disturbed'],
    async run(context) {
      const { store, key } = context;
      await store.put(key('b'), '1');
      const error = await loseAnswerOf(
        context,
        await disturbed(context),
        (through) => through.delete(key('b')),
        async () => {
          const gone = (await store.get(key('b'))) === undefined;
          if (gone) await store.put(key('b'), '2');
          return gone;
        },
      );
      expectEqual(error.outcome, 'unknown', 'outcome');
      expectEqual(text((await store.get(key('b')))?.value), '2', 'the key that was put later');
    },
  },
  {
    id: 'C7.lost-txn-is-unknown-and-not-repeated',
    clauses: ['C7', 'C9'],
    title: 'a transaction whose answer is lost fails with outcome unknown, and is not sent again',
    requires: { transactions: 'multi-key' },
    needs: ['disturbed'],
    async run(context) {
      const { store, key } = context;
      const reader = await context.follow();
      const then = [
        { type: 'put', key: key('a'), value: '1' },
        { type: 'put', key: key('b'), value: '1' },
      ] as const;
      const error = await loseAnswerOf(
        context,
        await disturbed(context),
        (through) => through.txn({ then }),
        async () => (await store.get(key('b'))) !== undefined,
      );
      expectEqual(error.outcome, 'unknown', 'outcome');
      await store.put(key('end'), '');
      expectEqual((await reader.untilKey(key('end'))).length, 2, 'the number of events');
    },
  },
  {
    id: 'C7.timed-out-put-is-unknown',
    clauses: ['C7', 'C14'],
    title: 'a put that is not answered within its time fails with timeout and outcome unknown',
    needs: ['disturbed'],
    async run(context) {
      const { store, key } = context;
      await store.put(key('a'), '0');
      const through = await disturbed(context);
      await through.link.loseAnswers();
      const failed = expectStoreError(through.store.put(key('a'), '1', { timeoutMs: 150 }), 'timeout', 'the put');
      failed.catch(() => undefined);
      await context.eventually('the put to arrive', async () => text((await store.get(key('a')))?.value) === '1');
      await context.passTime(200);
      const error = await context.inTime(failed, 'the put to time out');
      await through.link.heal();
      expectEqual(error.outcome, 'unknown', 'outcome');
    },
  },
  {
    id: 'C7.aborted-put-is-unknown',
    clauses: ['C7'],
    title: 'a put that is aborted on its way fails with aborted and outcome unknown',
    needs: ['disturbed'],
    async run(context) {
      const { store, key } = context;
      await store.put(key('a'), '0');
      const through = await disturbed(context);
      await through.link.loseAnswers();
      const controller = new AbortController();
      const put = through.store.put(key('a'), '1', { signal: controller.signal });
      const failed = expectStoreError(put, 'aborted', 'the put');
      failed.catch(() => undefined);
      await context.eventually('the put to arrive', async () => text((await store.get(key('a')))?.value) === '1');
      controller.abort();
      const error = await context.inTime(failed, 'the put to be aborted');
      await through.link.heal();
      expectEqual(error.outcome, 'unknown', 'outcome');
    },
  },
  {
    id: 'C7.unsent-writes-are-not-applied',
    clauses: ['C7'],
    advice: "say outcome: 'not-applied' in the error of a write for which there was no connection",
    title: 'a write to a store that could never be reached says that it was not applied',
    needs: ['unreachable'],
    async run(context) {
      const { store } = await context.hook('unreachable')();
      context.adopt(store);
      const { key } = context;
      const put = await expectStoreError(() => store.put(key('a'), '1'), 'unavailable', 'put');
      expectEqual(put.outcome, 'not-applied', 'the outcome of a put');
      const remove = await expectStoreError(() => store.delete(key('a')), 'unavailable', 'delete');
      expectEqual(remove.outcome, 'not-applied', 'the outcome of a delete');
    },
  },
  {
    id: 'C7.write-aborted-beforehand-is-not-applied',
    clauses: ['C7', 'C16'],
    title: 'a write whose signal has already fired is not sent, and says so',
    async run({ store, key }) {
      const signal = AbortSignal.abort();
      const error = await expectStoreError(() => store.put(key('a'), '1', { signal }), 'aborted', 'put');
      expectEqual(error.outcome, 'not-applied', 'outcome');
      expectEqual(await store.get(key('a')), undefined, 'the key');
    },
  },
  {
    id: 'C7.refused-writes-are-not-applied',
    clauses: ['C7', 'C14'],
    title: 'a write that the server refused says that it was not applied',
    requires: { leases: true },
    async run({ store, key }) {
      const put = () => store.put(key('a'), '1', { lease: '77' });
      expectEqual(
        (await expectStoreError(put, 'lease-not-found', 'put')).outcome,
        'not-applied',
        'the outcome of a put',
      );
      const revoke = () => store.leases.revoke('77');
      expectEqual(
        (await expectStoreError(revoke, 'lease-not-found', 'revoke')).outcome,
        'not-applied',
        'the outcome of a revoke',
      );
    },
  },
  {
    id: 'C7.reading-txn-is-never-applied',
    clauses: ['C7', 'C9'],
    title: 'a transaction that only reads, and is not answered, says that it was not applied',
    needs: ['disturbed'],
    async run(context) {
      const { key } = context;
      const through = await disturbed(context);
      await through.link.loseAnswers();
      const read = { then: [{ type: 'get', key: key('a') }] } as const;
      const late = expectStoreError(through.store.txn(read, { timeoutMs: 150 }), 'timeout', 'the transaction');
      const controller = new AbortController();
      const aborted = expectStoreError(
        through.store.txn(read, { signal: controller.signal }),
        'aborted',
        'the aborted transaction',
      );
      const failures = Promise.all([late, aborted]);
      failures.catch(() => undefined);
      controller.abort();
      await context.passTime(200);
      const errors = await context.inTime(failures, 'the transactions to fail');
      await through.link.heal();
      for (const error of errors) expectEqual(error.outcome, 'not-applied', `the outcome of ${error.code}`);
    },
  },
  {
    id: 'C7.reads-have-no-outcome',
    clauses: ['C7', 'C14'],
    writes: 'none',
    title: 'the errors of reads have no outcome',
    needs: ['unreachable'],
    async run(context) {
      const { store } = await context.hook('unreachable')();
      context.adopt(store);
      const error = await expectStoreError(() => store.get(context.key('a')), ['unavailable', 'timeout'], 'get');
      expectEqual(error.outcome, undefined, 'outcome');
    },
  },
];
