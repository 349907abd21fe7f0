import { isStoreError, type StoreError, STORE_ERROR_CODES } from '@holdfast/store';
import type { ConformanceCase } from '../case.js';
import type { ConformanceContext } from '../context.js';
import { expectEqual, expectStoreError, expectTrue, show } from '../expect.js';

/** Errors of every kind that a case can provoke here. */
async function provoke(context: ConformanceContext): Promise<StoreError[]> {
  const { store, key, all, capabilities } = context;
  const { revision } = await store.put(key('a'), '1');
  const errors = [
    await expectStoreError(() => store.get(''), 'invalid-argument', 'get of an empty key'),
    await expectStoreError(() => store.get(key('a'), { signal: AbortSignal.abort() }), 'aborted', 'an aborted get'),
    await expectStoreError(() => store.list(all, { limit: -1 }), 'invalid-argument', 'a negative limit'),
  ];
  if (capabilities.historicalReads) {
    const future = () => store.get(key('a'), { revision: revision + 1_000 });
    errors.push(await expectStoreError(future, 'future-revision', 'a get in the future'));
  }
  if (capabilities.historicalReads && capabilities.compaction) {
    const { revision: head } = await store.put(key('a'), '2');
    await store.compact(head);
    errors.push(await expectStoreError(() => store.get(key('a'), { revision }), 'compacted', 'a get in the past'));
  }
  if (capabilities.leases) {
    const put = () => store.put(key('a'), '', { lease: '31337' });
    errors.push(await expectStoreError(put, 'lease-not-found', 'a put with an unknown lease'));
  }
  const other = await context.connect();
  await other.close();
  errors.push(await expectStoreError(() => other.get(key('a')), 'closed', 'a get from a closed store'));
  return errors;
}

export const errorCases: readonly ConformanceCase[] = [
  {
    id: 'C14.errors-are-recognisable',
    clauses: ['C14'],
    title: 'every error is an Error with a code of the union, a message, and the brand that isStoreError knows',
    async run(context) {
      for (const error of await provoke(context)) {
        expectTrue(isStoreError(error) && error instanceof Error, `a StoreError was expected, got ${show(error)}`);
        expectTrue(STORE_ERROR_CODES.includes(error.code), `the code must be of the union, got ${show(error.code)}`);
        expectTrue(error.message.length > 10, `the message must say something, got ${show(error.message)}`);
        expectTrue(isStoreError(error, error.code), 'isStoreError must know the code');
      }
      expectTrue(!isStoreError(new Error('closed')), 'another error must not be taken for one');
    },
  },
  {
    id: 'C14.retryable-by-code',
    clauses: ['C14'],
    title: 'errors that the same call would meet again are not retryable',
    async run(context) {
      for (const error of await provoke(context)) expectEqual(error.retryable, false, `retryable of ${error.code}`);
    },
  },
  {
    id: 'C14.messages-name-the-argument',
    clauses: ['C14'],
    title: 'the message of a refused argument names it',
    async run({ store, key, all }) {
      const names: [string, () => Promise<unknown>][] = [
        ['limit', () => store.list(all, { limit: 0 })],
        ['consistency', () => store.list(all, { consistency: 'eventual' as 'serializable' })],
        ['timeoutMs', () => store.get(key('a'), { timeoutMs: -5 })],
        ['surrogate', () => store.get(key('\ud800'))],
        ['empty', () => store.get('')],
        ['ifAbsent', () => store.put(key('a'), '', { ifAbsent: false as true })],
      ];
      for (const [name, call] of names) {
        const error = await expectStoreError(call, 'invalid-argument', `the call with a bad ${name}`);
        expectTrue(error.message.includes(name), `the message must name ${name}, got ${show(error.message)}`);
      }
    },
  },
  {
    id: 'C14.unavailable-names-the-endpoint',
    clauses: ['C14'],
    writes: 'none',
    title: 'the error of an unreachable store is unavailable, retryable, and names the endpoint',
    needs: ['unreachable'],
    async run(context) {
      const { store, endpoint } = await context.hook('unreachable')();
      context.adopt(store);
      const error = await expectStoreError(() => store.get(context.key('a')), 'unavailable', 'get');
      expectEqual(error.retryable, true, 'retryable');
      expectTrue(error.message.includes(endpoint), `the message must name ${endpoint}, got ${show(error.message)}`);
      expectTrue(
        error.endpoint?.includes(endpoint) === true,
        `endpoint must be ${endpoint}, got ${show(error.endpoint)}`,
      );
    },
  },
  {
    id: 'C14.timeouts-are-retryable',
    clauses: ['C14', 'C16'],
    writes: 'none',
    title: 'a call that is not answered in its time is a timeout error, and retryable',
    needs: ['disturbed'],
    async run(context) {
      const { store, link } = await context.hook('disturbed')();
      context.adopt(store);
      await store.get(context.key('a'));
      await link.loseAnswers();
      const failed = expectStoreError(() => store.get(context.key('a'), { timeoutMs: 150 }), 'timeout', 'get');
      failed.catch(() => undefined);
      await context.passTime(200);
      const error = await context.inTime(failed, 'the get to time out');
      await link.heal();
      expectEqual([error.retryable, error.outcome], [true, undefined], 'retryable and outcome');
    },
  },
];
