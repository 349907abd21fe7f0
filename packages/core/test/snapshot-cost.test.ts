import { memoryStore } from '@holdfast/memory';
import { virtualClock } from '@holdfast/testkit';
import { expect, test } from '@jest/globals';
import { mirror } from '../src/index.js';
import { snapshotIn } from '../src/snapshot/file/file-snapshot.js';
import { readSnapshotIn } from '../src/snapshot/file/read-snapshot.js';
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
}, 20_000);
