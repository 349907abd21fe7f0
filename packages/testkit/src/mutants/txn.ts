import type { CallOptions, Compare, ConfigStore, Op, OpResult, Txn, TxnResult } from '@holdfast/store';
import { change, withLease } from './change.js';
import type { Mutant } from './mutant.js';

const isTxn = (txn: unknown): txn is Txn => typeof txn === 'object' && txn !== null;

/** The operations one after another, each in a transaction of its own. */
async function oneByOne(store: ConfigStore, txn: Txn, options: CallOptions | undefined): Promise<TxnResult> {
  const decided = await store.txn({ if: txn.if ?? [] }, options);
  const results: OpResult[] = [];
  let { revision } = decided;
  for (const op of (decided.succeeded ? txn.then : txn.else) ?? []) {
    const single = await store.txn({ then: [op] });
    results.push(...single.results);
    revision = single.revision;
  }
  return { succeeded: decided.succeeded, revision, results };
}

export const txnMutants: readonly Mutant[] = [
  {
    id: 'C9.one-by-one',
    title: 'the operations of a transaction are made one after another',
    caughtBy: [
      'C10.resume-keeps-revisions-whole',
      'C10.wide-revision-in-one-batch',
      'C11.one-revision-may-exceed',
      'C7.lost-txn-is-unknown-and-not-repeated',
      'C9.all-or-nothing',
      'C9.bad-transactions-are-invalid',
      'C9.compacted-past',
      'C9.concurrent-transfers',
      'C9.nested',
      'C9.nested-compares-see-the-start',
      'C9.never-seen-half',
      'C9.no-key-twice',
      'C9.one-batch',
      'C9.one-creator-wins',
      'C9.one-revision',
      'C9.results-in-order',
      'C9.too-many-operations',
    ],
    apply: (store) =>
      change(store, { txn: (txn, options) => (isTxn(txn) ? oneByOne(store, txn, options) : store.txn(txn, options)) }),
  },
  {
    id: 'C9.unequal-to-nothing',
    title: 'a value compare with != holds on an absent key',
    caughtBy: ['C9.compare-an-empty-range', 'C9.value-compare-of-absent-is-false'],
    apply: (store) =>
      change(store, {
        txn: async (txn, options) => {
          if (!isTxn(txn) || !Array.isArray(txn.if)) return store.txn(txn, options);
          const kept: Compare[] = [];
          for (const compare of txn.if as Compare[]) {
            const unequal = compare.target === 'value' && compare.op === '!=';
            const range = 'key' in compare ? compare.key : compare.range;
            if (!unequal || (await store.list(range, { countOnly: true })).count > 0) kept.push(compare);
          }
          return store.txn({ ...txn, if: kept }, options);
        },
      }),
  },
  {
    id: 'C9.else-never-runs',
    title: 'the else operations are not made',
    caughtBy: ['C9.else-branch'],
    apply: (store) =>
      change(store, {
        txn: (txn, options) =>
          store.txn(
            isTxn(txn) && (txn.else ?? []).length === 2 && txn.else?.[0]?.type === 'get' ? { ...txn, else: [] } : txn,
            options,
          ),
      }),
  },
  {
    id: 'C9.results-out-of-order',
    title: 'results come in another order than their operations',
    caughtBy: ['C9.results-in-order'],
    apply: (store) =>
      change(store, {
        txn: async (txn, options) => {
          const result = await store.txn(txn, options);
          return result.results.length === 6 ? { ...result, results: [...result.results].reverse() } : result;
        },
      }),
  },
  {
    id: 'C9.lease-in-keys-only',
    title: 'a list with keysOnly in a transaction tells leases',
    caughtBy: ['C9.keys-only-tells-no-lease'],
    apply: (store) =>
      change(store, {
        txn: async (txn, options) => {
          const result = await store.txn(txn, options);
          const ops = (isTxn(txn) ? txn.then : undefined) ?? [];
          const results = result.results.map(async (each, index) => {
            const op = ops[index];
            if (each.type !== 'list' || op?.type !== 'list' || op.keysOnly !== true) return each;
            return { ...each, items: await Promise.all(each.items.map((item) => withLease(store, item))) };
          });
          return { ...result, results: await Promise.all(results) };
        },
      }),
  },
  {
    id: 'C9.any-of-a-range',
    title: 'a compare on a range looks at its first key alone',
    caughtBy: ['C9.compare-a-range'],
    apply: (store) =>
      change(store, {
        txn: async (txn, options) => {
          const [compare] = isTxn(txn) ? (txn.if ?? []) : [];
          if (compare === undefined || !('range' in compare) || typeof compare.range === 'string')
            return store.txn(txn, options);
          const [first] = (await store.list(compare.range, { limit: 1 })).items;
          if (first === undefined) return store.txn(txn, options);
          const { range: _, ...rest } = compare;
          return store.txn({ ...txn, if: [{ ...rest, key: first.key }] }, options);
        },
      }),
  },
  {
    id: 'C9.last-put-wins',
    title: 'of two puts of one key the last is made',
    caughtBy: ['C9.no-key-twice'],
    apply: (store) =>
      change(store, {
        txn: (txn, options) => {
          const then = isTxn(txn) && Array.isArray(txn.then) ? (txn.then as Op[]) : undefined;
          if (then?.length !== 2 || then[0] !== then[1]) return store.txn(txn, options);
          return store.txn({ ...txn, then: then.slice(1) }, options);
        },
      }),
  },
  {
    id: 'C9.too-many-are-split',
    title: 'a transaction over the limit is made in several',
    caughtBy: ['C9.too-many-operations'],
    apply: (store) =>
      change(store, {
        txn: async (txn, options) => {
          const most = store.capabilities.maxTxnOperations ?? Infinity;
          const then = isTxn(txn) ? (txn.then ?? []) : [];
          if (!(then.length > most)) return store.txn(txn, options);
          await store.txn({ ...txn, then: then.slice(0, most) }, options);
          return store.txn({ ...txn, then: then.slice(most) }, options);
        },
      }),
  },
  {
    id: 'C9.smaller-is-greater',
    title: 'compares of revisions with < and > change places',
    caughtBy: ['C9.compare-revisions'],
    apply: (store) =>
      change(store, {
        txn: (txn, options) => {
          const [compare] = isTxn(txn) ? (txn.if ?? []) : [];
          const swap = compare?.target === 'modRevision' && 'key' in compare && compare.value > 0;
          if (!swap || (compare.op !== '<' && compare.op !== '>')) return store.txn(txn, options);
          return store.txn({ ...txn, if: [{ ...compare, op: compare.op === '<' ? '>' : '<' }] }, options);
        },
      }),
  },
  {
    id: 'C9.nothing-takes-a-revision',
    title: 'a transaction that writes nothing takes a revision',
    caughtBy: ['C9.read-only-takes-no-revision'],
    apply: (store) =>
      change(store, {
        txn: async (txn, options) => {
          const result = await store.txn(txn, options);
          const deletedNothing = result.results.some((each) => each.type === 'delete' && each.deleted === 0);
          if (deletedNothing && result.results.length === 3) await store.put('/elsewhere', '');
          return result;
        },
      }),
  },
  {
    id: 'C9.previous-missing',
    title: 'operations give no previous entries',
    caughtBy: ['C9.previous-entries'],
    apply: (store) =>
      change(store, {
        txn: async (txn, options) => {
          const result = await store.txn(txn, options);
          return { ...result, results: result.results.map((each) => ({ ...each, previous: undefined }) as never) };
        },
      }),
  },
];
