import { ABORT } from 'lmdb';
import { afterAll, afterEach, expect, jest, test } from '@jest/globals';
import type { ConfigStore, StoreError } from '@holdfast/store';
import { safeLogger } from '@holdfast/store/adapter';
import { lmdbStore, type LmdbStoreOptions } from '@holdfast/lmdb';
import { readState, writeState } from '../src/database/tables.js';
import { engineFor } from '../src/engine/shared-engines.js';
import { resolveOptions } from '../src/options.js';
import { newFolder, removeFolders } from './support/folders.js';

const opened: ConfigStore[] = [];
afterEach(() => {
  jest.restoreAllMocks();
});
afterAll(async () => {
  for (const store of opened) await store.close();
  removeFolders();
});

/** A store, and what is below it. */
async function openNew(options: Partial<LmdbStoreOptions> = {}) {
  const all = { path: newFolder(), ...options };
  const store = lmdbStore(all);
  opened.push(store);
  await store.put('begin', '1');
  const { name: _name, maxRequestBytes: _bytes, maxTxnOperations: _operations, ...engineOptions } = resolveOptions(all);
  const engine = engineFor(engineOptions, safeLogger(undefined));
  return { store, engine, tables: engine.database.tables() };
}

type Run = () => unknown;

/** The next transaction is run and taken back, and its commit fails like on a full disk. */
function failNextCommit({ root }: { readonly root: object }): void {
  const target = root as { childTransaction(run: Run): Promise<unknown> };
  const real = target.childTransaction.bind(root);
  jest.spyOn(target, 'childTransaction').mockImplementationOnce(async (run) => {
    await real(() => {
      run();
      return ABORT;
    });
    throw new Error('No space left on device');
  });
}

const outcomeOf = async (doing: Promise<unknown>) =>
  doing.then(
    () => 'acked',
    (error: unknown) => (error as StoreError).outcome,
  );

test('a commit that the disk had no room for is tried write by write: one that is too large fails alone', async () => {
  const { store, tables } = await openNew();
  failNextCommit(tables);
  const outcomes = await Promise.all(['a', 'b', 'c'].map(async (key) => outcomeOf(store.put(key, '1'))));
  expect(outcomes).toEqual(['acked', 'acked', 'acked']);
  expect((await store.list({ prefix: '' })).items.map(({ version }) => version)).toEqual([1, 1, 1, 1]);
});

test('a write that had no turn in a long transaction is not told of its failure, and is applied once', async () => {
  const { store, engine, tables } = await openNew();
  failNextCommit(tables);
  const slow = engine.write((txn) => {
    const until = performance.now() + 60;
    while (performance.now() < until);
    txn.touch();
  });
  const [first, second] = await Promise.all([outcomeOf(slow), outcomeOf(store.put('later', '1'))]);
  expect([first, second]).toEqual(['not-applied', 'acked']);
  expect((await store.get('later'))?.version).toBe(1);
});

test("a 'batched' commit says first that the file lags, also where another process has just noted that all is flushed", async () => {
  const { store, tables } = await openNew({ sync: 'batched' });
  const target = tables.root as unknown as { childTransaction(run: Run): Promise<unknown> };
  const real = target.childTransaction.bind(tables.root);
  const results: unknown[] = [];
  jest.spyOn(target, 'childTransaction').mockImplementationOnce(async (run) =>
    real(() => {
      writeState(tables, { ...readState(tables), clean: true });
      const result = run();
      results.push(result);
      return result;
    }),
  );
  await store.put('a', '1');
  expect(results).toEqual([ABORT]);
  expect((await store.get('a'))?.version).toBe(1);
});

test('writes that come at the same time share the quota: it is not exceeded by as many as wait', async () => {
  const { store } = await openNew({ quotaBytes: 4 * 1024 * 1024 });
  const value = Buffer.alloc(500_000, 1);
  const outcomes = await Promise.all(Array.from({ length: 40 }, async (_, i) => outcomeOf(store.put(`k${i}`, value))));
  const acked = outcomes.filter((outcome) => outcome === 'acked').length;
  expect(acked).toBeGreaterThanOrEqual(6);
  expect(acked).toBeLessThanOrEqual(9);
  expect(new Set(outcomes)).toEqual(new Set(['acked', 'not-applied']));
  expect((await store.list({ prefix: 'k' }, { countOnly: true })).count).toBe(acked);
});
