import { cpSync, statSync, writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { isStoreError, type ConfigStore, type KeyValue, type Revision, type StoreError } from '@holdfast/store';
import { safeLogger } from '@holdfast/store/adapter';
import { eventually, virtualClock } from '@holdfast/testkit';
import { lmdbStore, type LmdbStoreOptions } from '@holdfast/lmdb';
import { keyBytes } from '../src/data/utf8.js';
import { engineFor } from '../src/engine/shared-engines.js';
import { resolveOptions } from '../src/options.js';
import { newFolder, removeFolders } from './support/folders.js';
import { buildProgram, Program } from './support/program.js';
import { alterState } from './support/raw-state.js';

const opened: ConfigStore[] = [];
const program = buildProgram('one-write');
afterAll(async () => {
  for (const store of opened) await store.close();
  removeFolders();
});

function openIn(path: string, options: Partial<LmdbStoreOptions> = {}) {
  const store = lmdbStore({ path, ...options });
  opened.push(store);
  return store;
}

function engineOf(options: LmdbStoreOptions) {
  const {
    name: _name,
    maxRequestBytes: _bytes,
    maxTxnOperations: _operations,
    ...engineOptions
  } = resolveOptions(options);
  return engineFor(engineOptions, safeLogger(undefined));
}

const isCompacted = async (store: ConfigStore, revision: number) =>
  store.get('a', { revision: revision as Revision }).then(
    () => false,
    (error: unknown) => {
      if (isStoreError(error, 'compacted')) return true;
      throw error;
    },
  );

describe('history', () => {
  test('is compacted although writes come all the time', async () => {
    const store = openIn(newFolder(), { pollMs: 200, history: { revisions: 20 } });
    await store.put('a', '1');
    // There is never a pause of pollMs.
    await eventually(async () => {
      for (let i = 0; i < 10; i++) await store.put('a', '1');
      expect(await isCompacted(store, 2)).toBe(true);
    });
  });

  test('is kept for history.ageMs, and not much longer', async () => {
    const clock = virtualClock(Date.now());
    const options = { path: newFolder(), clock, pollMs: 1_000, history: { ageMs: 60_000 } };
    const store = openIn(options.path, options);
    const engine = engineOf(options);
    let passedMs = 0;
    const pass = async (ms: number) => {
      await clock.advance(ms);
      passedMs += ms;
      await engine.tend();
    };
    const { revision } = await store.put('a', '1');
    await store.put('a', '2');
    while (passedMs < 57_000) await pass(3_000);
    expect(await isCompacted(store, revision)).toBe(false);
    while (!(await isCompacted(store, revision)) && passedMs < 120_000) await pass(3_000);
    expect(passedMs).toBeGreaterThanOrEqual(60_000);
    expect(passedMs).toBeLessThanOrEqual(75_000);
    expect((await store.get('a'))?.version).toBe(2);
  });
});

test('a compaction frees what it closed, and nothing that can still be read or watched', async () => {
  const store = openIn(newFolder());
  const revisions: Revision[] = [];
  for (let i = 0; i < 5; i++) revisions.push((await store.put('a', String(i))).revision);
  const [, , third, fourth, fifth] = revisions as [Revision, Revision, Revision, Revision, Revision];
  const { identity } = (await store.list({ prefix: '' })).bookmark;
  await store.compact(third, { physical: true });
  expect(await isCompacted(store, third - 1)).toBe(true);
  expect((await store.get('a', { revision: third }))?.version).toBe(3);
  expect((await store.get('a', { revision: fourth }))?.version).toBe(4);
  const watch = store.watch('a', { after: { revision: third, identity }, previous: true });
  const batches = watch[Symbol.asyncIterator]();
  for (const revision of [fourth, fifth])
    expect((await batches.next()).value).toMatchObject({
      events: [{ revision, previous: { modRevision: revision - 1 } }],
    });
  await watch.close();
});

describe('after another start of the machine', () => {
  test('a lease has its full time again, however much of it was over', async () => {
    const options = { path: newFolder(), clock: virtualClock(Date.now()) };
    const store = lmdbStore(options);
    const { id } = await store.leases.grant(100);
    await options.clock.advance(60_000);
    expect((await store.leases.timeToLive(id)).ttl).toBe(40);
    await store.close();
    await alterState(options.path, (state) => {
      state.bootId = 'another start';
    });
    expect((await openIn(options.path, options).leases.timeToLive(id)).ttl).toBe(100);
  });

  test.each(['always', 'batched'] as const)(
    '%s: a store that was not closed keeps its history: revisions that were never given do not count',
    async (sync) => {
      const options = { path: newFolder(), sync, history: { revisions: 50 } };
      const store = lmdbStore(options);
      const { revision } = await store.put('a', '1');
      for (let i = 0; i < 10; i++) await store.put('a', '2');
      await store.close();
      const { head } = await alterState(options.path, (state) => {
        state.bootId = 'another start';
        state.clean = false;
      });
      const again = openIn(options.path, options);
      expect((await again.list({ prefix: '' })).bookmark.revision).toBe(head + 2 ** 32);
      for (let i = 0; i < 10; i++) await again.put('b', '2');
      await engineOf(options).tend();
      expect(await isCompacted(again, revision)).toBe(false);
      for (let i = 0; i < 40; i++) await again.put('b', '2');
      await engineOf(options).tend();
      expect(await isCompacted(again, revision)).toBe(true);
    },
  );
});

test('the slots of readers that died are cleared', async () => {
  const clock = virtualClock(Date.now());
  const options = { path: newFolder(), clock };
  const store = openIn(options.path, options);
  await store.put('a', '1');
  const child = new Program(program, [options.path, 'get:a', 'stay']);
  await child.line((line) => line.startsWith('get'));
  const readers = () => engineOf(options).database.read(({ root }) => (root as never as Readers).readerList());
  expect(readers()).toContain(String(child.child.pid));
  await child.kill();
  await clock.advance(31_000);
  await engineOf(options).tend();
  expect(readers()).not.toContain(String(child.child.pid));
});

interface Readers {
  readerList(): string;
}

test('processes of another pid namespace that have read keep the store from being opened', async () => {
  const path = newFolder();
  const child = new Program(program, [path, 'put:a', 'get:a', 'stay']);
  await child.line((line) => line.startsWith('get'));
  await alterState(path, (state) => {
    state.pidNamespace = 'pid:[1]';
  });
  const store = openIn(path);
  const error = await store.get('a').catch((thrown: unknown) => thrown as StoreError);
  expect(error).toMatchObject({ code: 'unavailable' });
  expect((error as StoreError).message).toMatch(/pid namespace/);
  await child.kill();
  await eventually(async () => {
    expect((await store.get('a'))?.version).toBe(1);
  });
});

test('a file that ends before its last page is no damage: pages that were taken and given back in one commit are not written', async () => {
  const options = { path: newFolder() };
  const store = openIn(options.path, options);
  await store.put('a', '1');
  const engine = engineOf(options);
  await engine.write((txn) => {
    txn.touch();
    const places = Array.from({ length: 300 }, (_, i) => keyBytes(`place ${String(i).padStart(6)}`.padEnd(100)));
    for (const place of places) txn.tables.attached.putSync(place, place);
    for (const place of places.reverse()) txn.tables.attached.removeSync(place);
  });
  const { lastPageNumber = 0, pageSize = 0 } = engine.database.read(({ root }) => root.getStats()) as Stats;
  expect(statSync(join(options.path, 'data.mdb')).size).toBeLessThan((lastPageNumber + 1) * pageSize);
  // As a process finds it that comes after a kill.
  const left = newFolder();
  cpSync(options.path, left, { recursive: true });
  expect((await openIn(left).get('a'))?.version).toBe(1);
});

interface Stats {
  readonly lastPageNumber?: number;
  readonly pageSize?: number;
}

describe('copyTo()', () => {
  test('writes a copy without free space, that can be opened in place of the original', async () => {
    const [path, copy] = [newFolder(), newFolder()];
    const store = openIn(path);
    for (let i = 0; i < 10; i++) await store.put('big', Buffer.alloc(200_000, i));
    const { revision } = await store.put('a', '1');
    await store.compact(revision, { physical: true });
    await store.copyTo(copy);
    expect(statSync(join(copy, 'data.mdb')).size).toBeLessThan(statSync(join(path, 'data.mdb')).size / 3);
    const { bookmark, items } = await store.list({ prefix: '' });
    const copied = await openIn(copy).list({ prefix: '' });
    expect(copied.bookmark).toEqual(bookmark);
    const text = ({ key, modRevision, value }: KeyValue) => [key, modRevision, Buffer.from(value).toString('latin1')];
    expect(copied.items.map(text)).toEqual(items.map(text));
  });

  test('refuses a folder that holds something', async () => {
    const [path, copy] = [newFolder(), newFolder()];
    mkdirSync(copy);
    writeFileSync(join(copy, 'theirs'), 'x');
    const store = openIn(path);
    await store.put('a', '1');
    const error: unknown = await store.copyTo(copy).catch((thrown: unknown) => thrown);
    expect(isStoreError(error, 'invalid-argument')).toBe(true);
  });
});

test('a scan that finds little lets others have their turn, also at a past revision', async () => {
  const options = { path: newFolder() };
  const store = openIn(options.path, options);
  const fill = async () =>
    engineOf(options).write((txn) =>
      txn.revise((draft) => {
        for (let i = 0; i < 6_000; i++) draft.put(keyBytes(`k${i}`), keyBytes(String(draft.revision)), undefined);
        return draft.revision;
      }),
    );
  const first = await fill();
  const { revision } = await store.put('kz', '1');
  let turns = 0;
  const count = () => {
    turns += 1;
    turning = setImmediate(count);
  };
  let turning = setImmediate(count);
  const keys: string[] = [];
  for await (const page of store.scan({ prefix: 'k' }, { minModRevision: revision }))
    for (let i = 0; i < page.length; i++) keys.push(page.key(i));
  expect(keys).toEqual(['kz']);
  expect(turns).toBeGreaterThanOrEqual(1);
  await fill();
  const [past, revisions] = [new Set<string>(), new Set<number>()];
  for await (const page of store.scan({ prefix: 'k' }, { revision: first as Revision })) {
    for (let i = 0; i < page.length; i++) {
      past.add(page.key(i));
      revisions.add(page.modRevision(i));
    }
  }
  expect([past.size, ...revisions]).toEqual([6_000, first]);
  clearImmediate(turning);
});
