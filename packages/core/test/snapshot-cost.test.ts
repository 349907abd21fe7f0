import { memoryStore } from '@holdfast/memory';
import { eventually, virtualClock } from '@holdfast/testkit';
import { expect, jest, test } from '@jest/globals';
import { mirror } from '../src/index.js';
import { snapshotIn } from '../src/snapshot/file/file-snapshot.js';
import { readSnapshotIn } from '../src/snapshot/file/read-snapshot.js';
import { KeyWriter } from '../src/snapshot/key-record.js';
import { MemoryFiles } from './support/memory-files.js';
import { AT, moving, until } from './support/snapshots.js';

test('twenty minutes of changes write no more than three times their bytes and one full copy, and is never older than saveAfterMs', async () => {
  const clock = virtualClock();
  const data = memoryStore({ clock });
  const key = (n: number) => `/app/routes/route-${n}`;
  for (let n = 0; n < 5_000; n++) await data.put(key(n), `{"host":"10.0.0.${n}","weight":100}`);
  const files = new MemoryFiles();
  const options = { prefix: '/app/', decode: 'lazy', clock, snapshot: snapshotIn(files, AT) } as const;
  const mirrored = await moving(clock, mirror(data, options));
  await until(clock, () => files.names.has(AT));
  const full = (await readSnapshotIn(files, AT)).header?.bytes.base ?? 0;
  const before = files.bytesWritten;
  let changed = 0;
  for (let minute = 0; minute < 20; minute += 2) {
    for (let n = 0; n < 40; n++) {
      const [name, value] = [key((minute * 997 + n * 31) % 5_000), `{"host":"10.0.1.${n}","weight":${minute}}`];
      await data.put(name, value);
      changed += name.length + value.length;
    }
    const { revision } = await data.put('/elsewhere', 'x');
    await clock.advance(120_000);
    const { header } = await readSnapshotIn(files, AT);
    expect(header?.lastEvent).toBe(revision - 1);
    expect(clock.now() - (header?.asOf ?? 0)).toBeLessThan(60_000);
  }
  expect(files.bytesWritten - before).toBeLessThanOrEqual(3 * changed + full);
  const writes = files.done.filter((done) => done.startsWith('rename')).length;
  expect(writes).toBeLessThanOrEqual(2);
  await moving(clock, mirrored.close());
});

test('steps that come while a base is written are in it or in its log: the file never goes back', async () => {
  const clock = virtualClock();
  const data = memoryStore({ clock });
  for (let n = 0; n < 3_000; n++) await data.put(`/app/${n}`, 'x'.repeat(100));
  const files = new MemoryFiles();
  // The changes of the store come in between.
  files.slowness = 4;
  let latest = 0;
  files.fails = (what, path) => {
    // A write in the middle of every base, and of every other moment.
    if (what === 'write' || what === 'sync') {
      void data.put(`/app/${latest % 3_000}`, `${(latest += 1)}`);
      if (latest % 7 === 0) void data.delete(`/app/${(latest * 13) % 3_000}`);
    }
    return path === '' ? new Error('never') : undefined;
  };
  const snapshot = snapshotIn(files, AT);
  const mirrored = await moving(clock, mirror(data, { prefix: '/app/', clock, snapshot, saveAfterMs: 1_000 }));
  let seen = 0;
  for (let second = 0; second < 30; second++) {
    await clock.advance(1_000);
    if (!files.names.has(AT)) continue;
    const image = files.afterKill();
    const { reason, header, entries } = await readSnapshotIn(image, AT);
    expect(reason).toBeUndefined();
    const revision = header?.bookmark.revision ?? 0;
    expect(revision).toBeGreaterThanOrEqual(seen);
    seen = revision;
    const { items } = await data.list({ prefix: '/app/' }, { revision: revision as never });
    expect(new Map(entries.map(({ key, modRevision }) => [key, modRevision]))).toEqual(
      new Map(items.map(({ key, modRevision }) => [key, modRevision])),
    );
  }
  expect(seen).toBeGreaterThan(0);
  files.fails = () => undefined;
  await moving(clock, mirrored.close());
});

const original = Object.getOwnPropertyDescriptor(KeyWriter.prototype, 'put')?.value as (...args: unknown[]) => void;

test('at 100 changes a second over 100,000 keys, no more is written than three times their bytes and one full copy an hour', async () => {
  // A two-hundredth of that: as many changes for each key, and as often a new base.
  const [keys, changesEach, everyMs] = [500, 2, 4_000] as const;
  const clock = virtualClock();
  const data = memoryStore({ clock });
  const value = (n: number) => JSON.stringify({ n, text: 'x'.repeat(2_200) });
  for (let n = 0; n < keys; n++) await data.put(`/app/${n}`, value(n));
  const files = new MemoryFiles();
  const options = { prefix: '/app/', decode: 'lazy', clock, snapshot: snapshotIn(files, AT) } as const;
  const mirrored = await moving(clock, mirror(data, options));
  await until(clock, () => files.names.has(AT));
  const before = files.bytesWritten;
  let changed = 0;
  // Forty minutes: the log outgrows the base once.
  for (let n = 0; n < (40 * 60_000) / (everyMs / changesEach); n += changesEach) {
    for (let each = 0; each < changesEach; each++) {
      const name = `/app/${((n + each) * 7) % keys}`;
      await data.put(name, value(n));
      changed += name.length + value(n).length;
    }
    await clock.advance(everyMs);
  }
  const full = (await readSnapshotIn(files, AT)).header?.bytes.base ?? 0;
  expect(files.done.filter((done) => done.startsWith('rename'))).toHaveLength(2);
  expect(files.bytesWritten - before).toBeLessThanOrEqual(3 * changed + full);
  // A lazy mirror also writes what each key was before, as long as nobody has read what it is now.
  expect(files.bytesWritten - before - full).toBeLessThanOrEqual(2.1 * changed);
  await moving(clock, mirrored.close());
});

test('a base is written in slices, however many keys there are', async () => {
  const data = memoryStore();
  const keys = 5_000;
  for (let n = 0; n < keys; n++) await data.put(`/app/${n}`, 'x');
  // Each look at the time costs half a millisecond. The slicer looks after sixteen keys, and has 2.5 ms for a slice.
  let time = 0;
  const clock = {
    now: () => (time += 0.5),
    setTimeout: (work: () => void, ms: number) => setTimeout(work, ms),
    clearTimeout: (handle: unknown) => {
      clearTimeout(handle as NodeJS.Timeout);
    },
  };
  let [inThisTurn, most, total] = [0, 0, 0];
  const put = jest.spyOn(KeyWriter.prototype, 'put').mockImplementation(function (this: KeyWriter, ...args) {
    total += 1;
    inThisTurn += 1;
    most = Math.max(most, inThisTurn);
    original.apply(this, args);
  });
  let isOver = false;
  const turn = () => {
    inThisTurn = 0;
    if (!isOver) setImmediate(turn);
  };
  turn();
  const files = new MemoryFiles();
  const mirrored = await mirror(data, { prefix: '/app/', decode: 'lazy', clock, snapshot: snapshotIn(files, AT) });
  await eventually(() => files.names.has(AT));
  expect(total).toBe(keys);
  expect(most).toBeLessThanOrEqual(160);
  isOver = true;
  put.mockRestore();
  await mirrored.close();
});
