import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { files, filesStore, type FilesStore, type FilesStoreOptions } from '@holdfast/files';
import { openStore, type ConfigStore } from '@holdfast/store';
import { nextTurn } from '@holdfast/store/adapter';
import { eventually, virtualClock } from '@holdfast/testkit';
import { follow } from './support/follow.js';
import { keptLines, MountedVolume, TestFolder } from './support/folder.js';

// cspell:ignore tmpfs remount feff
const text = (value: Uint8Array | undefined) =>
  value === undefined ? undefined : new TextDecoder('utf-8', { ignoreBOM: true }).decode(value);
const get = async (store: ConfigStore, key: string) => text((await store.get(key))?.value);
const open = (path: string, options: Partial<FilesStoreOptions> = {}): FilesStore =>
  filesStore({ path, pollMs: 100, settleMs: 20, ...options });
const everything = { prefix: '' };
const all = async (store: ConfigStore) =>
  Object.fromEntries((await store.list(everything)).items.map(({ key, value }) => [key, text(value)]));
const testOnLinux = process.platform === 'linux' ? test : () => undefined;
const reasons = (store: FilesStore) => Object.fromEntries(store.problems().map(({ path, reason }) => [path, reason]));

test('a folder is live: what is added, changed and deleted is told, and what only looks different is not', async () => {
  using folder = new TestFolder({ 'routes/home.yaml': 'to: a\n', 'limits.json': '{"rps": 1}', 'motd.txt': 'hi\n' });
  await using store = open(folder.path);
  expect(await all(store)).toEqual({ 'routes/home': '{"to":"a"}', limits: '{"rps": 1}', motd: 'hi\n' });
  await using following = follow(store);
  await following.watch.ready;
  // Comments, white space, another ending: the same content.
  folder.write('routes/home.yaml', '# where to\nto: "a"\n');
  folder.write('limits.json', '{\n  "rps": 1.0\n}\n');
  folder.save('routes/about.yml', 'to: b\n');
  await eventually(() => expect(following.shown()).toEqual(['routes/about={"to":"b"}']));
  folder.write('limits.json', '{"rps": 2}');
  folder.delete('routes');
  await eventually(() => expect(following.events).toHaveLength(4));
  expect(following.shown().slice(1).sort()).toEqual(['-routes/about', '-routes/home', 'limits={"rps": 2}']);
});

test('a file that is written in place is read when it is whole: most first halves of YAML are YAML', async () => {
  using folder = new TestFolder({ 'route.yaml': 'to: a\nweight: 10\n' });
  // On the test's clock, which stands still where the machine does.
  const clock = virtualClock(Date.now());
  await using store = open(folder.path, { settleMs: 60, clock });
  await using following = follow(store);
  let isReady = false;
  void following.watch.ready.then(() => (isReady = true));
  const passing = (condition: () => boolean) =>
    eventually(async () => {
      await clock.advance(20);
      return condition();
    });
  await passing(() => isReady);
  for (const round of [1, 2, 3]) {
    const whole = `to: b${round}\nweight: ${round}00\n`;
    const file = openSync(folder.at('route.yaml'), 'w');
    for (const character of whole) {
      writeSync(file, character);
      await new Promise((resolve) => setTimeout(resolve, 4));
      await clock.advance(20);
    }
    closeSync(file);
    await passing(() => following.shown().length >= round);
    expect(following.shown()).toHaveLength(round);
    expect(following.shown().at(-1)).toBe(`route={"to":"b${round}","weight":${round}00}`);
  }
});

test('a write that waits when its caller gives up or its store is closed ends at once, and writes nothing later', async () => {
  using folder = new TestFolder({ 'a.txt': 'one' });
  // It stands still: a file that was changed by hand is never at rest, and the writes wait for that.
  const clock = virtualClock(Date.now());
  await using other = open(folder.path, { writable: true, clock });
  await eventually(async () => (await clock.advance(20), other.problems().length === 0));
  const store = other.connect();
  const reading = store.get('a');
  await eventually(async () => {
    await clock.advance(20);
    return (await Promise.race([reading, nextTurn()])) !== undefined;
  });
  folder.write('a.txt', 'two');
  const giveUp = new AbortController();
  const calls = [
    store.put('a', '1', { signal: giveUp.signal }),
    store.put('b', '2', { ifAbsent: true }),
    store.delete('a'),
    store.txn({ then: [{ type: 'put', key: 'c', value: '3' }] }),
  ].map((call) => call.catch((error: unknown) => error));
  await nextTurn();
  giveUp.abort();
  expect(await calls[0]).toMatchObject({ code: 'aborted', outcome: 'not-applied' });
  await store.close();
  for (const call of calls.slice(1)) expect(await call).toMatchObject({ code: 'closed', outcome: 'not-applied' });
  const late = other.get('a');
  await eventually(async () => {
    await clock.advance(20);
    return (await Promise.race([late, nextTurn()])) !== undefined;
  });
  expect(await get(other, 'a')).toBe('two');
  expect(readdirSync(folder.path)).toEqual(['a.txt']);
});

test('a bad file is a problem: its last good value stays, and the log says once what to do', async () => {
  using folder = new TestFolder({ 'a.yaml': 'v: 1\n', 'b.json': '{"v":1}', 'c.txt': 'one', 'd.yaml': 'v: 1\n' });
  const logger = keptLines();
  await using store = open(folder.path, { logger });
  await store.list(everything);
  const before = await all(store);
  const { bookmark } = await store.list(everything);
  folder.save('a.yaml', 'v: {half');
  truncateSync(folder.at('b.json'));
  truncateSync(folder.at('c.txt'));
  folder.save('d.json', '{"v":2}');
  folder.save('new.yaml', 'v: 1\nv: 2\n');
  expect(await all(store)).toEqual(before);
  expect((await store.list(everything)).bookmark).toEqual(bookmark);
  expect(reasons(store)).toEqual({
    'a.yaml': expect.stringMatching(/no valid YAML/),
    'b.json': expect.stringMatching(/it is empty/),
    'c.txt': expect.stringMatching(/it is empty/),
    'd.json': expect.stringMatching(/it and d.yaml are both the key "d": keep one of them/),
    'new.yaml': expect.stringMatching(/a key twice in one mapping at line 2/),
  });
  expect(logger.lines.filter((line) => line.startsWith('warn'))).toHaveLength(5);
  expect(logger.lines.join('\n')).toMatch(/warn: a.yaml in .*no valid YAML.*; key "a" stays as it was/);
  // Mended, or taken away.
  folder.save('a.yaml', 'v: 3\n');
  folder.delete('b.json');
  folder.delete('c.txt');
  folder.delete('d.yaml');
  folder.delete('new.yaml');
  expect(await all(store)).toEqual({ a: '{"v":3}', d: '{"v":2}' });
  expect(store.problems()).toEqual([]);
  expect(logger.lines.filter((line) => line.startsWith('info'))).toHaveLength(5);
});

test('a folder that vanishes is an outage, and nothing is deleted; the watch goes on when it is back', async () => {
  using folder = new TestFolder({ 'a.yaml': 'v: 1\n', 'b/c.txt': 'x' });
  await using store = open(folder.path);
  await using following = follow(store);
  await following.watch.ready;
  renameSync(folder.path, `${folder.path}.away`);
  await eventually(() => expect(following.watch.state.status).toBe('interrupted'));
  await expect(store.list(everything)).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/is not there/),
  });
  expect((await store.list(everything, { consistency: 'serializable' })).count).toBe(2);
  // Another folder in its place, and empty: a volume that is not mounted.
  mkdirSync(folder.path);
  await expect(store.list(everything)).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/empty, as without its mount/),
  });
  rmSync(folder.path, { recursive: true });
  renameSync(`${folder.path}.away`, folder.path);
  folder.save('a.yaml', 'v: 2\n');
  await eventually(() => expect(following.watch.state.status).toBe('live'));
  await eventually(() => expect(following.shown()).toEqual(['a={"v":2}']));
});

const names = Array.from({ length: 12 }, (_, index) => `part-${index}.yaml`);
const version = (n: number) => Object.fromEntries(names.map((name) => [name, `version: ${n}\n`]));
const expectWhole = (values: readonly Uint8Array[]) => {
  expect(values.map(text)).toEqual(names.map(() => text(values[0])));
};

/** Whether this process has a file below a folder open. */
const isOpenBelow = (path: string) =>
  readdirSync('/proc/self/fd').some((fd) => {
    try {
      return (
        /\.yaml$/.test(readlinkSync(`/proc/self/fd/${fd}`)) && readlinkSync(`/proc/self/fd/${fd}`).startsWith(path)
      );
    } catch {
      return false;
    }
  });

test("Kubernetes' swaps at all moments of a read are never seen half, by lists and by watches", async () => {
  using folder = new TestFolder();
  const volume = new MountedVolume(folder.path);
  volume.swap(version(0));
  await using store = open(folder.path);
  await using following = follow(store);
  await following.watch.ready;
  let [swapped, turns, isRead] = [0, 0, false];
  // Each list meets one swap, later each time, until it is over by then.
  for (; !isRead || swapped < 50; turns += 1 + (turns >> 3)) {
    isRead = false;
    const listing = store.list(everything).finally(() => (isRead = true));
    for (let turn = 0; turn < turns && !isRead; turn += 1) await nextTurn();
    volume.swap(version((swapped += 1)), 'half');
    expectWhole((await listing).items.map(({ value }) => value));
  }
  await eventually(async () => expect(await get(store, 'part-0')).toBe(`{"version":${swapped}}`));
  await eventually(() => expect(following.shown().at(-1)).toMatch(`{"version":${swapped}}`));
  for (const events of following.batches) {
    expectWhole(events.flatMap((event) => (event.type === 'put' ? [event.current.value] : [])));
  }
  // An empty volume is empty. One without ..data is not mounted.
  volume.swap({});
  expect((await store.list(everything)).count).toBe(0);
  volume.swap(version(51));
  expect((await store.list(everything)).count).toBe(names.length);
  rmSync(folder.at('..data'));
  await expect(store.list(everything)).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/no ..data any more/),
  });
});

testOnLinux('swaps while the files of a mount are read are no reason to read again', async () => {
  using folder = new TestFolder();
  const volume = new MountedVolume(folder.path);
  volume.swap(version(0));
  await using store = open(folder.path);
  let [swapped, isRead] = [0, false];
  const listing = store.list(everything).finally(() => (isRead = true));
  // As on a slow machine: nobody gets through all files without a swap.
  for (; !isRead; await nextTurn()) if (isOpenBelow(folder.path)) volume.swap(version((swapped += 1)), 'nothing');
  expectWhole((await listing).items.map(({ value }) => value));
  expect(swapped).toBeGreaterThan(0);
});

test('a link to a folder that is replaced (git-sync, releases) changes all files at once', async () => {
  using folder = new TestFolder();
  using releases = new TestFolder({
    'r1/a.yaml': 'v: 1\n',
    'r1/b.yaml': 'v: 1\n',
    'r2/a.yaml': 'v: 2\n',
    'r2/b.yaml': 'v: 2\n',
  });
  const current = folder.at('current');
  symlinkSync(releases.at('r1'), current);
  await using store = open(current);
  expect(await all(store)).toEqual({ a: '{"v":1}', b: '{"v":1}' });
  await using following = follow(store);
  await following.watch.ready;
  symlinkSync(releases.at('r2'), `${current}.next`);
  renameSync(`${current}.next`, current);
  await eventually(() => expect(following.shown()).toEqual(['a={"v":2}', 'b={"v":2}']));
  expect(new Set(following.events.map(({ revision }) => revision)).size).toBe(1);
});

test('one file with many entries changes as a whole, and a bad one keeps all of them', async () => {
  using folder = new TestFolder({ 'app.yaml': 'routes/home: {to: a}\nlimits: 10\nname: "x"\n' });
  await using store = open(folder.at('app.yaml'));
  expect(await all(store)).toEqual({ 'routes/home': '{"to":"a"}', limits: '10', name: '"x"' });
  await using following = follow(store);
  await following.watch.ready;
  folder.save('app.yaml', 'routes/home: {to: b}\nname: x\nnew: 9007199254740993\n');
  await eventually(() =>
    expect(following.shown()).toEqual(['-limits', 'new=9007199254740993', 'routes/home={"to":"b"}']),
  );
  for (const [content, reason] of [
    ['', /it is empty/],
    ['{', /no valid YAML/],
    ['[]', /it must have a mapping/],
    ['a: 1\na: 2\n', /a key twice/],
    ['"": 1\n', /an empty key/],
    ['"\\ud800": 1\n', /half of a surrogate pair/],
  ] as const) {
    folder.save('app.yaml', content);
    expect((await store.list(everything)).count).toBe(3);
    expect(reasons(store)).toEqual({ 'app.yaml': expect.stringMatching(reason) });
  }
  folder.delete('app.yaml');
  await expect(store.get('new')).rejects.toMatchObject({ code: 'unavailable' });
  await expect(open(folder.at('app.txt')).list(everything)).rejects.toMatchObject({ code: 'unavailable' });
  folder.save('app.txt', 'x');
  await expect(open(folder.at('app.txt')).list(everything)).rejects.toMatchObject({ code: 'invalid-argument' });
  folder.save('bad.json', '{"a":');
  await expect(open(folder.at('bad.json')).list(everything)).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/has no entries yet: it has an end in the middle at line 1/),
  });
  folder.save('good.json', '{ "a" : {"n": 1e400, "k": [1 , 2]} }');
  await using json = open(folder.at('good.json'));
  expect(await all(json)).toEqual({ a: '{"n":1e400,"k":[1,2]}' });
  await expect(open(folder.at('good.json'), { writable: true }).list(everything)).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringMatching(/can only be read/),
  });
});

test('each opening is a history of its own, and handles of one share theirs', async () => {
  using folder = new TestFolder({ 'a.txt': '1' });
  await using one = open(folder.path);
  await using two = open(folder.path);
  const { bookmark } = await one.list(everything);
  await using watch = two.watch(everything, { after: bookmark });
  await expect(watch[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'history-changed' });
  await using other = one.connect();
  expect((await other.list(everything)).bookmark).toEqual(bookmark);
  await one.close();
  expect(() => one.connect()).toThrow(expect.objectContaining({ code: 'closed' }));
});

test('an older file with the same size and time in the place of another is noticed', async () => {
  using folder = new TestFolder({ 'a.txt': 'one' });
  await using store = open(folder.path);
  expect(await get(store, 'a')).toBe('one');
  const { atime, mtime } = statSync(folder.at('a.txt'));
  folder.write('a.txt', 'two');
  utimesSync(folder.at('a.txt'), atime, mtime);
  expect(await get(store, 'a')).toBe('two');
});

test('a file that never comes to rest holds up no other, and keeps its last good value', async () => {
  using folder = new TestFolder({ 'log.txt': 'start\n', 'a.txt': '1' });
  await using store = open(folder.path);
  await store.list(everything);
  const appending = setInterval(() => appendFileSync(folder.at('log.txt'), 'more\n'), 3);
  try {
    folder.save('a.txt', '2');
    expect(await all(store)).toEqual({ log: 'start\n', a: '2' });
  } finally {
    clearInterval(appending);
  }
  expect(await get(store, 'log')).toMatch(/^start\n(more\n)+$/);
});

test('writes are files that give the value back, of the ending that they had', async () => {
  using folder = new TestFolder({ 'a.yaml': '# why\nv: 1\n', 'b.json': '{"v": 1}', 'c.txt': 'text', 'd.bin': 'x' });
  chmodSync(folder.at('a.yaml'), 0o640);
  await using store = open(folder.path, { writable: true });
  const values = ['{"v":2}', '{"v": 2}', 'plain', '', '{"n":9007199254740993}', '\u{feff}{}'];
  for (const key of ['a', 'b', 'c', 'd', 'new/key', '/x//.y/..']) {
    for (const value of values) {
      await store.put(key, value);
      expect(await get(store, key)).toBe(value);
      await using fresh = open(folder.path);
      expect(await get(fresh, key)).toBe(value);
      expect(fresh.problems()).toEqual([]);
    }
    await store.put(key, '{"v":2}');
  }
  const names = readdirSync(folder.path, { recursive: true })
    .map(String)
    .filter((name) => statSync(folder.at(name)).isFile());
  // Text went to .bin where it was empty, and stayed there: nothing is left behind.
  expect(names.sort()).toEqual(['%2Fx/%2F.y/%2E..bin', 'a.bin', 'b.bin', 'c.bin', 'd.bin', 'new/key.bin']);
  expect(statSync(folder.at('a.bin')).mode & 0o777).not.toBe(0);
  await store.put('e', '{"country":"no"}');
  expect(readFileSync(folder.at('e.yaml'), 'utf8')).toBe('country: "no"\n');
  chmodSync(folder.at('e.yaml'), 0o640);
  await store.put('e', '{"country":"se"}');
  expect(statSync(folder.at('e.yaml')).mode & 0o777).toBe(0o640);
});

test('writes overwrite nothing that somebody has begun by hand', async () => {
  using folder = new TestFolder({ 'a.yaml': 'v: 1\n', 'b.yaml': 'v: 1\n' });
  await using store = open(folder.path, { writable: true });
  await store.list(everything);
  folder.save('a.yaml', 'v: {half');
  folder.save('b.json', '{"v":2}');
  for (const write of [
    () => store.put('a', '{}'),
    () => store.delete('a'),
    () => store.put('b', '{}', { ifPresent: true }),
    () => store.delete(everything),
  ]) {
    await expect(write()).rejects.toMatchObject({
      code: 'conflict',
      outcome: 'not-applied',
      message: expect.stringMatching(/nothing was written: it/),
    });
  }
  expect(readFileSync(folder.at('a.yaml'), 'utf8')).toBe('v: {half');
});

test('guards see what others have just done, also the file of a key that was not there', async () => {
  using folder = new TestFolder({ 'a.yaml': 'v: 1\n' });
  await using store = open(folder.path, { writable: true });
  const { modRevision } = (await store.get('a')) ?? { modRevision: 0 };
  folder.save('a.yaml', 'v: 2\n');
  folder.save('b.txt', 'theirs');
  expect(await store.put('a', '{}', { ifModRevision: modRevision })).toMatchObject({
    succeeded: false,
    current: { value: Buffer.from('{"v":2}') },
  });
  expect((await store.put('b', 'mine', { ifAbsent: true })).succeeded).toBe(false);
  expect(await get(store, 'b')).toBe('theirs');
});

test('a range is deleted as a whole, also where its writer was killed in between', async () => {
  using folder = new TestFolder({ 'a.txt': '1', 'b/c.txt': '2', 'keep.txt': '3', 'notes.md': 'stays' });
  await using store = open(folder.path, { writable: true });
  await using following = follow(store);
  await following.watch.ready;
  expect((await store.delete({ start: 'a', end: 'c' }, { previous: true })).previous).toHaveLength(2);
  await eventually(() => expect(following.shown()).toEqual(['-a', '-b/c']));
  expect(new Set(following.events.map(({ revision }) => revision)).size).toBe(1);
  expect(readdirSync(folder.path).sort()).toEqual(['b', 'keep.txt', 'notes.md']);
  // As a writer leaves it that is killed after the first of two files.
  folder.save('x.txt', '1');
  folder.save('y.txt', '2');
  const listed = ['x', 'y'].map((name) => {
    const { ino, size, mtimeNs } = statSync(folder.at(`${name}.txt`), { bigint: true });
    return { path: `${name}.txt`, file: `${ino}:${size}:${mtimeNs}` };
  });
  writeFileSync(folder.at('.holdfast-deleted-0-1.json'), JSON.stringify(listed));
  rmSync(folder.at('x.txt'));
  await using reader = open(folder.path);
  expect(Object.keys(await all(reader))).toEqual(['keep']);
  expect(existsSync(folder.at('y.txt'))).toBe(true);
  await using writer = open(folder.path, { writable: true });
  expect(Object.keys(await all(writer))).toEqual(['keep']);
  expect(readdirSync(folder.path).sort()).toEqual(['b', 'keep.txt', 'notes.md']);
  // A later file of that name is another one.
  await writer.put('y', 'new');
  expect(await get(reader, 'y')).toBe('new');
});

test('a folder that can not be written, a linked folder and a full disk are typed errors', async () => {
  using folder = new TestFolder();
  const volume = new MountedVolume(folder.path);
  volume.swap({ 'a.txt': '1' });
  await using mounted = open(folder.path, { writable: true });
  await expect(mounted.put('a', '2')).rejects.toMatchObject({
    code: 'permission-denied',
    outcome: 'not-applied',
    message: expect.stringMatching(/change the ConfigMap/),
  });
  using outside = new TestFolder();
  using linked = new TestFolder({ 'a.txt': '1' });
  symlinkSync(outside.path, linked.at('out'));
  await using store = open(linked.path, { writable: true });
  await expect(store.put('out/x', '1')).rejects.toMatchObject({ code: 'permission-denied', outcome: 'not-applied' });
  expect(readdirSync(outside.path)).toEqual([]);
  await expect(store.put('x'.repeat(1_025), '1')).rejects.toMatchObject({ code: 'too-large', outcome: 'not-applied' });
  await store.put('é'.repeat(512), 'long');
  expect(await get(store, 'é'.repeat(512))).toBe('long');
});

const small = new TestFolder();
const mount = (...args: string[]) => spawnSync('mount', args).status === 0;
const canMount =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  mount('-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small.path);

const testMounted = canMount ? test : () => undefined;
testMounted('a full disk and a read-only one refuse a write, and what was there stays', async () => {
  try {
    await using store = open(small.path, { writable: true, pollMs: 20 });
    await store.put('a', 'small');
    await expect(store.put('a', 'x'.repeat(200_000))).rejects.toMatchObject({
      code: 'unavailable',
      outcome: 'not-applied',
      retryable: false,
      message: expect.stringMatching(/is full; make room/),
    });
    expect(await all(store)).toEqual({ a: 'small' });
    expect(readdirSync(small.path)).toEqual(['a.txt']);
    expect(mount('-o', 'remount,ro', small.path)).toBe(true);
    await expect(store.put('a', 'other')).rejects.toMatchObject({
      code: 'permission-denied',
      outcome: 'not-applied',
      message: expect.stringMatching(/read-only/),
    });
    await expect(store.delete('a')).rejects.toMatchObject({ code: 'permission-denied', outcome: 'not-applied' });
    expect(await all(store)).toEqual({ a: 'small' });
  } finally {
    spawnSync('umount', [small.path]);
    small[Symbol.dispose]();
  }
});

test('thousands of files are one folder, and a change of one of them is one event', async () => {
  using folder = new TestFolder();
  for (let index = 0; index < 3_000; index += 1) {
    if (index % 500 === 0) mkdirSync(folder.at(`d${index / 500}`));
    writeFileSync(folder.at(`d${Math.floor(index / 500)}/k${index}.json`), `{"n":${index}}`);
  }
  await using store = open(folder.path);
  await using following = follow(store);
  await following.watch.ready;
  expect((await store.list(everything, { countOnly: true })).count).toBe(3_000);
  folder.save('d3/k1700.json', '{"n":-1}');
  await eventually(() => expect(following.shown()).toEqual(['d3/k1700={"n":-1}']));
});

test('openStore opens a folder, with a prefix, and says what is wrong with a URL', async () => {
  using folder = new TestFolder({ 'app/a.yaml': 'v: 1\n', 'b.txt': 'x' });
  const adapters = [files];
  await using store = await openStore(`files:${folder.path}?prefix=app/`, { adapters });
  expect(await all(store)).toEqual({ a: '{"v":1}' });
  await expect(store.put('a', '1')).rejects.toMatchObject({ code: 'unsupported' });
  await using writable = await openStore(`files:${folder.path}?writable=true`, { adapters });
  await writable.put('c', '1');
  await expect(openStore('files://etc/app', { adapters })).rejects.toThrow(/names no host; write files:\/etc\/app/);
  await expect(openStore('files:', { adapters })).rejects.toThrow(/names a folder or a file/);
  await expect(openStore('files:/etc?writeable=true', { adapters })).rejects.toThrow(/has no parameter "writeable"/);
  await expect(openStore('files:/etc?writable=yes', { adapters })).rejects.toThrow(/is true or false/);
  expect(() => files.with({ settleMs: -1 })).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
  expect(() => filesStore({ path: '' })).toThrow(/path must name a folder/);
  expect(() => filesStore({ path: join(folder.path, 'a'), writeable: true } as never)).toThrow(/writeable/);
});
