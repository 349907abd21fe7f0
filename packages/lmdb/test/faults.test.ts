import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { ConfigStore, StoreError } from '@holdfast/store';
import { eventually } from '@holdfast/testkit';
import { lmdbStore } from '@holdfast/lmdb';
import { open } from 'lmdb';
import { networkFileSystem } from '../src/database/folder.js';
import { newFolder, removeFolders } from './support/folders.js';
import { buildProgram, Program } from './support/program.js';
import { closeStores, errorOf, openIn } from './support/stores.js';

afterAll(async () => {
  await closeStores();
  removeFolders();
});

const hash = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

describe('what is no store of ours is refused, and stays as it is', () => {
  test.each([
    [
      'a file that is not LMDB',
      (path: string) => writeFileSync(join(path, 'data.mdb'), 'x'.repeat(9_000)),
      /no LMDB file/,
    ],
    [
      "another program's LMDB file",
      async (path: string) => {
        const root = open({ path, noSubdir: false });
        await root.put('theirs', 'x');
        await root.close();
      },
      /of another program/,
    ],
    [
      "another program's file with a table of our name",
      async (path: string) => {
        const root = open({ path, noSubdir: false });
        await root.openDB({ name: 'meta' }).put('theirs', 'x');
        await root.openDB({ name: 'users' }).put('theirs', 'x');
        await root.close();
      },
      /another program/,
    ],
  ])('%s', async (_what, make, says) => {
    const path = newFolder();
    mkdirSync(path);
    const made: unknown = make(path);
    await made;
    const before = hash(join(path, 'data.mdb'));
    for (const call of [
      (store: ConfigStore) => store.put('a', '1'),
      (store: ConfigStore) => store.list({ prefix: '' }),
    ]) {
      const error = await errorOf(call(openIn(path)));
      expect([error.code, error.retryable]).toEqual(['invalid-argument', false]);
      expect(error.message).toMatch(says);
    }
    expect(hash(join(path, 'data.mdb'))).toBe(before);
  });

  test('a path that is a file', async () => {
    const path = newFolder();
    writeFileSync(path, 'a file');
    expect((await errorOf(openIn(path).get('a'))).code).toBe('invalid-argument');
    expect(readFileSync(path, 'utf8')).toBe('a file');
  });

  test('a store of a newer format', async () => {
    const path = newFolder();
    const store = lmdbStore({ path });
    await store.put('a', '1');
    await store.close();
    const root = open({ path, noSubdir: false, overlappingSync: false });
    const meta = root.openDB<Buffer, Buffer>({ name: 'meta', encoding: 'binary', keyEncoding: 'binary' });
    await meta.put(Buffer.from('format'), Buffer.from('{"format":2}'));
    await root.close();
    const error = await errorOf(openIn(path).get('a'));
    expect(error.code).toBe('unsupported');
    expect(error.message).toMatch(/format 2.*update @holdfast\/lmdb/);
  });

  test('file systems of a network are known by their numbers', () => {
    expect(networkFileSystem(0x6969)).toBe('NFS');
    // `statfs` gives it as a negative number.
    expect(networkFileSystem(0xff534d42 | 0)).toBe('CIFS');
    expect(networkFileSystem(0xef53)).toBeUndefined();
  });
});

describe('a damaged file', () => {
  async function filled(): Promise<string> {
    const path = newFolder();
    const store = lmdbStore({ path });
    await store.put('a', Buffer.alloc(200_000, 1));
    await store.close();
    return path;
  }

  test.each([
    ['cut off', 40_000, /is damaged/],
    ['emptied', 0, /is empty/],
  ])('%s is an error, and no empty store', async (_what, size, says) => {
    const path = await filled();
    truncateSync(join(path, 'data.mdb'), size);
    const error = await errorOf(openIn(path).list({ prefix: '' }));
    expect([error.code, error.retryable]).toEqual(['internal', false]);
    expect(error.message).toMatch(says);
  });
});

describe('a folder that vanishes', () => {
  test('is an outage for reads, writes and watches, and what is written when it is back is told', async () => {
    const path = newFolder();
    const store = openIn(path);
    await store.put('a', '1');
    const watch = store.watch({ prefix: '' });
    await watch.ready;
    renameSync(path, `${path}.away`);
    for (const call of [store.get('a'), store.list({ prefix: '' }), store.put('a', '2')]) {
      expect(await errorOf(call)).toMatchObject({ code: 'unavailable', retryable: true });
    }
    await eventually(() => {
      expect(watch.state.status).toBe('interrupted');
    });
    // No empty store takes its place.
    expect((await errorOf(openIn(path).get('a'))).code).toBe('unavailable');
    renameSync(`${path}.away`, path);
    await store.put('a', '3');
    const batches = watch[Symbol.asyncIterator]();
    expect((await batches.next()).value).toMatchObject({ events: [{ type: 'put', revision: 3 }] });
    await watch.close();
  });

  test('for another store ends its watches as history-changed, and the other store is served', async () => {
    const [path, other] = [newFolder(), newFolder()];
    const store = openIn(path);
    await store.put('a', '1');
    const filling = lmdbStore({ path: other });
    for (let i = 0; i < 5; i++) await filling.put('b', String(i));
    await filling.close();
    const watch = store.watch({ prefix: '' });
    await watch.ready;
    renameSync(path, `${path}.away`);
    renameSync(other, path);
    expect((await store.list({ prefix: '' })).items.map(({ key }) => key)).toEqual(['b']);
    const error = await errorOf(
      (async () => {
        for await (const batch of watch) if (batch.kind === 'events') throw new Error('an event');
      })(),
    );
    expect(error.code).toBe('history-changed');
    await store.put('c', '1');
    expect((await store.get('c'))?.modRevision).toBe(7);
  });
});

describe('no room', () => {
  test('past quotaBytes puts are refused and not applied; reads, deletes and compactions go on, and make room', async () => {
    const store = openIn(newFolder(), { quotaBytes: 4 * 1024 * 1024 });
    const value = Buffer.alloc(500_000, 1);
    let refused: StoreError | undefined;
    let written = 0;
    for (; written < 40 && refused === undefined; written++) {
      refused = await store.put(`k${written}`, value).then(
        () => undefined,
        (error: unknown) => error as StoreError,
      );
    }
    expect(refused).toMatchObject({ code: 'unavailable', retryable: false, outcome: 'not-applied' });
    expect(refused?.message).toMatch(/quotaBytes/);
    const { count } = await store.list({ prefix: '' }, { countOnly: true });
    expect(count).toBe(written - 1);
    expect(count).toBeGreaterThanOrEqual(6);
    expect((await errorOf(store.txn({ then: [{ type: 'put', key: 'x', value }] }))).outcome).toBe('not-applied');
    const { revision, deleted } = await store.delete({ prefix: '' });
    expect(deleted).toBe(count);
    const full = (await store.status()).sizeBytes ?? 0;
    await store.compact(revision, { physical: true });
    expect((await store.status()).sizeBytes).toBeLessThan(full / 4);
    await store.put('k', value);
  });

  test('a disk that takes no more is told, nothing half is there, and reads and deletes go on', async () => {
    const path = newFolder();
    const program = buildProgram('one-write');
    const whats = ['put:a', ...Array.from({ length: 8 }, (_, i) => `big:k${i}`), 'get:a', 'delete:a', 'put:b'];
    // Past this size no file grows: for the process it is a full disk.
    const child = new Program(program, [path, ...whats], ['bash', '-c', 'ulimit -f 5000; exec "$@"', 'limited']);
    await child.line((line) => line === 'closed');
    const failed = child.lines.filter((line) => line.startsWith('big:') && !line.endsWith(' ok'));
    expect(failed.length).toBeGreaterThan(0);
    expect(failed[0]).toMatch(/unavailable not-applied the disk of .* takes no more data/);
    for (const what of ['get:a', 'delete:a', 'put:b']) expect(child.lines).toContain(`${what} ok`);
    await child.ended;
    const store = openIn(path);
    const there = (await store.list({ prefix: 'k' })).items.map(({ key }) => `big:${key} ok`);
    expect(there).toEqual(child.lines.filter((line) => line.startsWith('big:') && line.endsWith(' ok')));
  });
});

test('a folder that this user may not write is permission-denied', async () => {
  const path = newFolder();
  const store = lmdbStore({ path });
  await store.put('a', '1');
  await store.close();
  for (const file of ['data.mdb', 'lock.mdb']) chmodSync(join(path, file), 0o400);
  chmodSync(path, 0o500);
  chmodSync(join(path, '..'), 0o755);
  const program = buildProgram('one-write');
  chmodSync(join(program, '..'), 0o755);
  // Root may do everything.
  const asNobody = process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--clear-groups'] : [];
  if (asNobody.length > 0) chmodSync(path, 0o755);
  const child = new Program(program, [path, 'get:a', 'put:b'], asNobody);
  const end = await child.ended;
  if (end !== '0') throw new Error(child.errors);
  expect(child.lines[0]).toMatch(/^get:a permission-denied/);
  expect(child.lines[1]).toMatch(/^put:b permission-denied not-applied/);
});

test('keys up to the declared limit are stored, whatever bytes they have; longer ones are too-large', async () => {
  const store = openIn(newFolder());
  const { maxKeyBytes = 0 } = store.capabilities;
  for (const [index, letter] of ['k', '\0', 'é', '\u{10ffff}'].entries()) {
    const length = Math.floor((maxKeyBytes - 1) / Buffer.byteLength(letter));
    const key = `${index}${letter.repeat(length)}`;
    for (const value of ['1', '2']) await store.put(key, value, { ttl: 60 });
    expect(Buffer.from((await store.get(key))?.value ?? []).toString()).toBe('2');
    const { revision } = await store.delete(key);
    expect((await store.get(key, { revision: revision - 1 }))?.version).toBe(2);
    await store.compact(revision, { physical: true });
  }
  expect(await errorOf(store.put('k'.repeat(maxKeyBytes + 1), '1'))).toMatchObject({
    code: 'too-large',
    outcome: 'not-applied',
  });
  // Bounds may be longer than any key.
  for (const letter of ['j', 'k', 'l']) {
    await store.put(letter, '1');
    const all = [letter.repeat(3_000), { prefix: letter.repeat(3_000) }] as const;
    expect((await store.list({ start: all[0] })).items.map(({ key }) => key)).toEqual([]);
    expect((await store.list({ end: all[0] })).count).toBe('jkl'.indexOf(letter) + 1);
    expect(
      (await store.list({ end: all[0] }, { sort: { target: 'key', order: 'descend' }, limit: 1 })).items[0]?.key,
    ).toBe(letter);
    expect((await store.delete(all[1])).deleted).toBe(0);
  }
  const { maxRequestBytes = 0 } = store.capabilities;
  expect(await errorOf(store.put('k', Buffer.alloc(maxRequestBytes)))).toMatchObject({
    code: 'too-large',
    outcome: 'not-applied',
  });
});
