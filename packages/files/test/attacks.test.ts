import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from '@jest/globals';
import { filesStore, type FilesStore, type FilesStoreOptions } from '@holdfast/files';
import { isSameValue, valueOfFile, type FileExtension } from '@holdfast/files/format';
import type { Clock, ConfigStore } from '@holdfast/store';
import { eventually } from '@holdfast/testkit';
import { follow } from './support/follow.js';
import { TestFolder } from './support/folder.js';

// cspell:ignore fdinfo mkfifo
// What people, other programs and file systems do to a folder, by mistake or on purpose.

const open = (path: string, options: Partial<FilesStoreOptions> = {}): FilesStore =>
  filesStore({ path, pollMs: 100, settleMs: 20, ...options });
const everything = { prefix: '' };
const all = async (store: ConfigStore) =>
  Object.fromEntries(
    (await store.list(everything)).items.map(({ key, value }) => [key, Buffer.from(value).toString()]),
  );
const isRoot = process.getuid?.() === 0;
const testAsRoot = isRoot ? test : () => undefined;
const HOURS_AGO = new Date(Date.now() - 5 * 3_600_000);

/** A poll that nobody lives to see: what is told was heard. */
const NO_POLL = { pollMs: 600_000 };

test('a folder in the place of another one is heard: below, and at the top', async () => {
  using folder = new TestFolder({ 'b/x.txt': '1', 'next/x.txt': '2' });
  renameSync(folder.at('next'), `${folder.path}.next`);
  await using store = open(folder.path, NO_POLL);
  await using following = follow(store);
  await following.watch.ready;
  renameSync(folder.at('b'), `${folder.path}.old`);
  renameSync(`${folder.path}.next`, folder.at('b'));
  await eventually(() => expect(following.shown().at(-1)).toBe('b/x=2'));
  // In place: nothing else is touched.
  folder.write('b/x.txt', '3');
  await eventually(() => expect(following.shown().at(-1)).toBe('b/x=3'));
  mkdirSync(`${folder.path}.new`);
  writeFileSync(`${folder.path}.new/y.txt`, '1');
  renameSync(folder.path, `${folder.path}.away`);
  renameSync(`${folder.path}.new`, folder.path);
  await eventually(() => expect(following.shown().at(-1)).toBe('y=1'));
  folder.write('y.txt', '2');
  await eventually(() => expect(following.shown().at(-1)).toBe('y=2'));
});

test('without a ring, what has changed is found by a look, however long the last change took to come to rest', async () => {
  using folder = new TestFolder();
  // Written by its other name, a file rings nobody in the folder.
  const outside = `${dirname(folder.path)}/other/a.txt`;
  mkdirSync(dirname(outside));
  writeFileSync(outside, '1');
  linkSync(outside, folder.at('a.txt'));
  await using store = open(folder.path, { settleMs: 700 });
  await using following = follow(store);
  await following.watch.ready;
  writeFileSync(outside, '2');
  await eventually(() => expect(following.shown()).toEqual(['a=2']), { timeoutMs: 10_000 });
});

test('a storm beside the folder, and of hidden files in it, makes the store look not once', async () => {
  using folder = new TestFolder({ 'a.txt': '1' });
  let asked = 0;
  const clock: Clock = {
    now: () => ((asked += 1), Date.now()),
    monotonic: () => ((asked += 1), performance.now()),
    setTimeout: (callback, ms) => setTimeout(callback, ms),
    clearTimeout: (timer) => {
      clearTimeout(timer as NodeJS.Timeout);
    },
  };
  await using store = open(folder.path, { ...NO_POLL, clock });
  await using following = follow(store);
  await following.watch.ready;
  const heard = { beside: 0, inside: 0 };
  await store.get('a');
  const before = asked;
  const watchers = [
    watch(dirname(folder.path), () => (heard.beside += 1)),
    watch(folder.path, () => (heard.inside += 1)),
  ];
  try {
    for (let round = 1; round <= 20; round += 1) {
      writeFileSync(`${folder.path}.log`, String(round));
      writeFileSync(folder.at('.a.txt.swp'), String(round));
      await eventually(() => expect(Math.min(heard.beside, heard.inside)).toBeGreaterThanOrEqual(round), {
        intervalMs: 1,
      });
    }
  } finally {
    for (const watcher of watchers) watcher.close();
  }
  expect(asked).toBe(before);
  folder.save('a.txt', '2');
  await eventually(() => expect(following.shown()).toEqual(['a=2']));
});

/** How many folders this process listens to. */
function listened(): number {
  return readdirSync('/proc/self/fdinfo').reduce((sum, fd) => {
    try {
      return sum + readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').split('\ninotify ').length - 1;
    } catch {
      return sum;
    }
  }, 0);
}

const testOnLinux = process.platform === 'linux' ? test : () => undefined;
testOnLinux('closed watches listen to no folder any more, also those that are closed at once', async () => {
  using folder = new TestFolder({ 'a.txt': '1', 'b/c/d.txt': '2' });
  const before = listened();
  await using store = open(folder.path);
  await using following = follow(store);
  await following.watch.ready;
  expect(listened()).toBeGreaterThanOrEqual(before + 3);
  await using other = store.connect();
  const others = Array.from({ length: 5 }, () => other.watch(everything));
  await Promise.all(others.map((each) => each.close()));
  await following.close();
  await eventually(() => expect(listened()).toBe(before));
  const last = other.watch(everything);
  await last.ready;
  await Promise.all([store.close(), other.close()]);
  await eventually(() => expect(listened()).toBe(before));
});

test('temporary files of a killed writer are cleared away when they are old, and only by a store that writes', async () => {
  const old = '.holdfast-00000000-0000-4000-8000-000000000001.tmp';
  const young = '.holdfast-00000000-0000-4000-8000-000000000002.tmp';
  using folder = new TestFolder({
    'a.txt': '1',
    [old]: 'half',
    [young]: 'half',
    [`b/${old}`]: '',
    '.holdfast-own.tmp': '',
  });
  for (const name of [old, `b/${old}`, '.holdfast-own.tmp']) utimesSync(folder.at(name), HOURS_AGO, HOURS_AGO);
  await using reader = open(folder.path);
  expect(await all(reader)).toEqual({ a: '1' });
  expect(existsSync(folder.at(old))).toBe(true);
  await using writer = open(folder.path, { writable: true });
  expect(await all(writer)).toEqual({ a: '1' });
  expect(readdirSync(folder.path).sort()).toEqual([young, '.holdfast-own.tmp', 'a.txt', 'b'].sort());
  expect(readdirSync(folder.at('b'))).toEqual([]);
});

test('a list of deletions that waits for a file is another writer at work, unless it is old', async () => {
  using folder = new TestFolder({ 'a.yaml': 'v: 1\n' });
  const { ino, size, mtimeNs } = statSync(folder.at('a.yaml'), { bigint: true });
  const list = '.holdfast-deleted-0-1.json';
  folder.write(list, JSON.stringify([{ path: 'a.yaml', file: `${ino}:${size}:${mtimeNs}`, by: 'a.json' }]));
  await using first = open(folder.path, { writable: true });
  expect(await all(first)).toEqual({ a: '{"v":1}' });
  expect(existsSync(folder.at(list))).toBe(true);
  folder.save('a.json', '{"v":2}');
  expect(await all(first)).toEqual({ a: '{"v":2}' });
  expect(readdirSync(folder.path)).toEqual(['a.json']);
  folder.write(list, JSON.stringify([{ path: 'a.json', file: '1:1:1', by: 'a.yaml' }]));
  utimesSync(folder.at(list), HOURS_AGO, HOURS_AGO);
  await using second = open(folder.path, { writable: true });
  await all(second);
  expect(readdirSync(folder.path)).toEqual(['a.json']);
});

test('a pipe, a link to outside and a huge file hold nobody up, and show nothing', async () => {
  using folder = new TestFolder({ 'a.txt': '1', 'huge.txt': '' });
  using outside = new TestFolder({ 'secret.txt': 'secret' });
  truncateSync(folder.at('huge.txt'), 20 * 2 ** 30);
  for (const name of ['pipe.txt', '.holdfast-deleted-0-1.json']) {
    expect(spawnSync('mkfifo', [folder.at(name)]).status).toBe(0);
  }
  symlinkSync(outside.at('secret.txt'), folder.at('link.txt'));
  symlinkSync(outside.path, folder.at('folder.txt'));
  symlinkSync(outside.at('secret.txt'), folder.at('.holdfast-deleted-0-2.json'));
  await using store = open(folder.path, { writable: true });
  expect(await all(store)).toEqual({ a: '1' });
  expect(store.problems().map(({ path }) => path)).toEqual(['folder.txt', 'huge.txt', 'link.txt', 'pipe.txt']);
  await expect(store.put('link', '2')).rejects.toMatchObject({ code: 'conflict', outcome: 'not-applied' });
  expect(readFileSync(outside.at('secret.txt'), 'utf8')).toBe('secret');
});

test('a write without a guard replaces what another program has just made', async () => {
  using folder = new TestFolder({ 'a.txt': '1' });
  await using store = open(folder.path, { writable: true });
  await store.list(everything);
  folder.save('b.txt', 'theirs');
  await store.put('b', 'mine');
  expect(readFileSync(folder.at('b.txt'), 'utf8')).toBe('mine');
  expect(await all(store)).toEqual({ a: '1', b: 'mine' });
});

test('what a put is to keep is kept, and it is refused where there is nothing', async () => {
  using folder = new TestFolder({ 'a.txt': '1' });
  await using store = open(folder.path, { writable: true });
  const { revision } = await store.put('a', '', { ignoreValue: true });
  expect(await store.get('a')).toMatchObject({ value: Buffer.from('1'), modRevision: revision });
  await store.txn({ then: [{ type: 'put', key: 'a', value: '', ignoreValue: true }] });
  await store.put('a', '2', { ignoreLease: true });
  for (const option of [{ ignoreValue: true }, { ignoreLease: true }]) {
    for (const write of [
      () => store.put('b', '', option),
      () => store.txn({ then: [{ type: 'put', key: 'b', value: '', ...option }] }),
    ]) {
      await expect(write()).rejects.toMatchObject({ code: 'not-found', outcome: 'not-applied' });
    }
  }
  expect(await all(store)).toEqual({ a: '2' });
});

test('two stores that write the same key at once show the same in the end', async () => {
  using folder = new TestFolder({ 'k.txt': '0' });
  await using one = open(folder.path, { writable: true, settleMs: 1 });
  await using two = open(folder.path, { writable: true, settleMs: 1 });
  const differing: unknown[] = [];
  for (let round = 1; round <= 100; round += 1) {
    await Promise.allSettled([one.put('k', `one ${round}`), two.put('k', `the other ${round}`)]);
    const there = readFileSync(folder.at('k.txt'), 'utf8');
    const shown = [await all(one), await all(two)].map(({ k }) => k);
    if (shown.some((value) => value !== there)) differing.push([there, ...shown]);
  }
  expect(differing).toEqual([]);
});

testAsRoot('a file that is replaced keeps its owner, and is never open to others', async () => {
  using folder = new TestFolder({ 'a.txt': '1' });
  chownSync(folder.at('a.txt'), 1_234, 1_235);
  chmodSync(folder.at('a.txt'), 0o600);
  await using store = open(folder.path, { writable: true });
  await store.put('a', '2');
  const { uid, gid, mode } = statSync(folder.at('a.txt'));
  expect([uid, gid, mode & 0o777]).toEqual([1_234, 1_235, 0o600]);
});

testAsRoot(
  'what may not be read is a problem; entries in a closed folder stay, and nobody deletes them unseen',
  async () => {
    using folder = new TestFolder({ 'a.txt': '1', 'b.txt': '1', 'sub/c.txt': '1' });
    for (const path of [dirname(folder.path), folder.path, folder.at('sub')]) chownSync(path, 65_534, 65_534);
    await using store = open(folder.path, { writable: true });
    process.seteuid?.(65_534);
    try {
      expect(Object.keys(await all(store))).toEqual(['a', 'b', 'sub/c']);
      folder.write('seen.txt', '1');
      chmodSync(folder.at('sub'), 0o000);
      expect(Object.keys(await all(store))).toEqual(['a', 'b', 'seen', 'sub/c']);
      expect(store.problems()).toMatchObject([
        { path: 'sub/', reason: expect.stringMatching(/change its permissions/) },
      ]);
      for (const write of [
        () => store.delete(everything),
        () => store.delete('sub/c'),
        () => store.put('sub/c', '2'),
      ]) {
        await expect(write()).rejects.toMatchObject({ code: 'conflict', outcome: 'not-applied' });
      }
      expect(Object.keys(await all(store))).toEqual(['a', 'b', 'seen', 'sub/c']);
      chmodSync(folder.path, 0o000);
      await expect(store.list(everything)).rejects.toMatchObject({ code: 'unavailable' });
      chmodSync(folder.path, 0o700);
      chmodSync(folder.at('sub'), 0o700);
      expect((await store.delete(everything)).deleted).toBe(4);
    } finally {
      process.seteuid?.(0);
    }
  },
);

/** Processor time of a call, in milliseconds: what other processes do does not count. */
function cpuMs(run: () => unknown): number {
  const before = process.cpuUsage();
  try {
    run();
  } catch {
    // Refused, and in time.
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

const MEGABYTE = 1_000_000;
const repeated = (text: string, bytes = MEGABYTE) => text.repeat(Math.floor(bytes / text.length));

test.each<readonly [what: string, extension: FileExtension, content: string]>([
  ['zeros in the middle of a number', '.json', `[1${'0'.repeat(250_000)}1]`],
  ['zeros in the middle of a fraction', '.yaml', `a: 0.1${'0'.repeat(250_000)}1\n`],
  ['one long string', '.json', `"${'x'.repeat(MEGABYTE)}"`],
  ['a string without an end', '.json', `"${'x'.repeat(MEGABYTE)}`],
  ['brackets', '.json', repeated('[')],
  ['brackets in YAML', '.yaml', repeated('[', 200_000)],
  ['ten aliases of ten aliases', '.yaml', bomb(9)],
  ['a sequence of aliases that is merged again and again', '.yaml', merges(60_000)],
])('%s are read, or refused, in little time', (_, extension, content) => {
  const bytes = Buffer.from(content);
  expect(cpuMs(() => valueOfFile(bytes, extension))).toBeLessThan(8_000);
  expect(cpuMs(() => isSameValue(extension, bytes, Buffer.from('1')))).toBeLessThan(8_000);
});

function bomb(levels: number): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let n = 1; n <= levels; n += 1)
    lines.push(
      `a${n}: &a${n} [${Array(10)
        .fill(`*a${n - 1}`)
        .join(', ')}]`,
    );
  return `${lines.join('\n')}\n`;
}

function merges(count: number): string {
  return `m: &m {a: 1}\ns: &s [${Array(count).fill('*m').join(', ')}]\n${'x: {<<: *s}\n'}`;
}
