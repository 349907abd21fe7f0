import { existsSync, mkdirSync, readdirSync, readlinkSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, jest, test } from '@jest/globals';
import type { StoreError } from '@holdfast/store';
import { lmdbStore } from '@holdfast/lmdb';
import { Database } from '../src/database/database.js';
import { newFolder, removeFolders } from './support/folders.js';
import { buildProgram, Program } from './support/program.js';
import { closeStores, errorOf, openIn } from './support/stores.js';

afterEach(() => {
  jest.restoreAllMocks();
});
afterAll(async () => {
  await closeStores();
  removeFolders();
});

describe('several stores of one process on one folder', () => {
  test('with different options write, open and close at the same time, and none waits for another for ever', async () => {
    const child = new Program(buildProgram('two-handles'), [newFolder(), '20']);
    // A process that waits for itself never ends.
    const watchdog = setTimeout(() => void child.kill(), 300_000);
    expect(await child.ended).toBe('0');
    clearTimeout(watchdog);
    expect(child.lines).toEqual(['done 20']);
  });

  test("where another one is 'batched', a write of an 'always' one is acknowledged after its flush", async () => {
    const path = newFolder();
    const batched = openIn(path, { sync: 'batched' });
    await batched.put('a', '1');
    const always = openIn(path);
    let flushed = false;
    const flush = jest.spyOn(Database.prototype, 'flush').mockImplementation(async () => {
      await new Promise((done) => setTimeout(done, 50));
      flushed = true;
    });
    await batched.put('a', '2');
    expect(flush).not.toHaveBeenCalled();
    await always.put('b', '1');
    expect(flushed).toBe(true);
    for (const call of [
      async () => always.leases.grant(60, { id: '7' }),
      async () => always.leases.keepAlive('7'),
      async () => always.leases.revoke('7'),
      async () => always.delete('b'),
      async () => always.compact((await always.list({ prefix: '' })).bookmark.revision),
    ]) {
      flushed = false;
      await call();
      expect(flushed).toBe(true);
    }
    flush.mockRejectedValueOnce(new Error('EIO: input/output error'));
    // The commit is there: nobody knows whether it will stay.
    expect(await errorOf(always.put('c', '1'))).toMatchObject({ code: 'unavailable', outcome: 'unknown' });
  });

  test('by two paths is refused: the locks of LMDB belong to the process', async () => {
    const path = newFolder();
    const store = openIn(path);
    await store.put('a', '1');
    symlinkSync(path, `${path}.link`);
    const error = await errorOf(openIn(`${path}.link`).get('a'));
    expect(error.code).toBe('invalid-argument');
    expect(error.message).toContain(path);
    await store.close();
    expect((await openIn(`${path}.link`).get('a'))?.version).toBe(1);
  });

  test("one with create: false makes no store where another one's option would", async () => {
    const path = newFolder();
    mkdirSync(path);
    const maker = openIn(path);
    expect((await errorOf(openIn(path, { create: false }).get('a'))).code).toBe('unavailable');
    await maker.put('a', '1');
    expect((await openIn(path, { create: false }).get('a'))?.version).toBe(1);
  });
});

test('data.mdb replaced beside its lock file is an outage: two files with the locks of one would damage each other', async () => {
  const [path, other] = [newFolder(), newFolder()];
  const [store, copy] = [openIn(path), lmdbStore({ path: other })];
  await store.put('a', '1');
  await copy.put('b', '1');
  await copy.close();
  renameSync(join(path, 'data.mdb'), join(other, 'kept'));
  renameSync(join(other, 'data.mdb'), join(path, 'data.mdb'));
  const error = await errorOf(store.get('a'));
  expect([error.code, error.retryable]).toEqual(['unavailable', true]);
  expect(error.message).toMatch(/replaced/);
  renameSync(join(other, 'kept'), join(path, 'data.mdb'));
  expect((await store.get('a'))?.version).toBe(1);
});

test('a scan that goes on after close() does not open the file again', async () => {
  const path = newFolder();
  const store = lmdbStore({ path });
  for (let i = 0; i < 3; i++) await store.put(`k${i}`, Buffer.alloc(1_000_000));
  const pages = store.scan({ prefix: 'k' })[Symbol.asyncIterator]();
  expect(await pages.next()).toMatchObject({ value: { more: true } });
  await store.close();
  expect(await errorOf(pages.next())).toMatchObject({ code: 'closed' });
  expect(filesOpenIn(path)).toEqual([]);
});

function filesOpenIn(path: string): string[] {
  const open = '/proc/self/fd';
  if (!existsSync(open)) return [];
  return readdirSync(open).flatMap((fd) => {
    try {
      const file = readlinkSync(join(open, fd));
      return file.startsWith(path) ? [file] : [];
    } catch {
      // It was that of the folder itself.
      return [];
    }
  });
}

test('close() while writes wait: those that were acknowledged are there, and those that were not applied are not', async () => {
  const path = newFolder();
  const store = lmdbStore({ path });
  await store.put('begin', '1');
  const outcomes = Array.from({ length: 200 }, async (_, i) =>
    store.put(`k${i}`, '1').then(
      () => 'acked',
      (error: unknown) => (error as StoreError).outcome,
    ),
  );
  await store.close();
  expect(await errorOf(store.get('begin'))).toMatchObject({ code: 'closed' });
  const again = openIn(path);
  for (const [i, outcome] of (await Promise.all(outcomes)).entries()) {
    const isThere = (await again.get(`k${i}`)) !== undefined;
    if (outcome !== 'unknown') expect([i, isThere]).toEqual([i, outcome === 'acked']);
  }
});
