import { Random, eventually } from '@holdfast/testkit';
import { expect, test } from '@jest/globals';
import { fileSnapshot, snapshotIn } from '../src/snapshot/file/file-snapshot.js';
import { readSnapshot, readSnapshotIn } from '../src/snapshot/file/read-snapshot.js';
import { MemoryFiles } from './support/memory-files.js';
import { AT, running, stateAt, stateIn, write } from './support/snapshots.js';

const logOf = (files: MemoryFiles) => [...files.names.keys()].find((name) => name.endsWith('.log')) ?? '';

/** A file with a base and a log of some steps, and all states that it may be of. */
async function written(seed: number) {
  const random = new Random(seed);
  const files = new MemoryFiles();
  const { store, mirrored, states, settle } = await running(snapshotIn(files, AT));
  await eventually(() => files.names.has(AT));
  for (let n = 0; n < 15; n++) {
    await write(store, random, '/a/');
    await settle();
  }
  await mirrored.close();
  await store.close();
  return { random, files, states };
}

test('what was written is read again: entries, problems, and the last good values behind them', async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const { files, states } = await written(seed);
    const content = await readSnapshotIn(files, AT);
    expect(content.reason).toBeUndefined();
    expect(content.cut).toBeUndefined();
    expect(content.header?.bookmark.revision).toBe(Math.max(...states.keys()));
    expect(stateIn(content, '/a/')).toBe(stateAt(states, content));
  }
});

test('a truncated, torn or changed base is refused with a reason; of a log the steps before that count, and never half a step', async () => {
  let refused = 0;
  let cut = 0;
  for (let seed = 1; seed <= 8; seed++) {
    const { random, files, states } = await written(seed);
    for (let n = 0; n < 60; n++) {
      const path = random.chance(0.5) ? AT : logOf(files);
      const broken = files.afterKill();
      const node = broken.names.get(path);
      if (node === undefined) throw new Error('there is no such file');
      if (random.chance(0.4)) node.data = node.data.slice(0, random.below(node.data.length));
      else {
        const at = random.below(node.data.length);
        const changed = node.data[at];
        node.data[at] = (changed ?? 0) ^ (1 << random.below(8));
      }
      const content = await readSnapshotIn(broken, AT);
      if (path === AT) {
        expect(content.reason).toMatch(/torn|changed|empty|does not begin|header/);
        expect(content.entries).toEqual([]);
        refused += 1;
      } else {
        expect(content.reason).toBeUndefined();
        if (content.cut !== undefined) cut += 1;
        expect(stateIn(content, '/a/')).toBe(stateAt(states, content));
      }
    }
  }
  expect(refused).toBeGreaterThan(100);
  expect(cut).toBeGreaterThan(100);
});

test('the log of another base is not used, and what follows the end of a base is no part of it', async () => {
  const [one, other] = [await written(1), await written(2)];
  const files = one.files.afterKill();
  const foreign = other.files.names.get(logOf(other.files));
  if (foreign === undefined) throw new Error('there is no log');
  files.names.set(logOf(files), foreign);
  const { reason, cut } = await readSnapshotIn(files, AT);
  expect([reason, cut]).toEqual([undefined, 'the log is of another base']);
  const node = files.names.get(AT);
  if (node === undefined) throw new Error('there is no base');
  node.data = Uint8Array.of(...node.data, 1, 2, 3);
  expect((await readSnapshotIn(files, AT)).reason).toMatch('3 bytes behind its end');
});

test('a power failure at any moment leaves a whole state, once there was one; none is lost by a failed write', async () => {
  for (let seed = 1; seed <= 6; seed++) {
    const random = new Random(seed);
    const files = new MemoryFiles();
    const { store, mirrored, states, settle } = await running(snapshotIn(files, AT));
    const before = mirrored.bookmark.identity;
    await eventually(() => files.names.has(AT));
    const images: MemoryFiles[] = [];
    files.fails = (what) => {
      if (random.chance(0.3)) images.push(files.afterPowerFailure(random), files.afterKill());
      return what !== 'read' && what !== 'stat' && what !== 'list' && random.chance(0.05)
        ? Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
        : undefined;
    };
    for (let n = 0; n < 12; n++) {
      await write(store, random, '/a/');
      if (n === 6) store.restore(store.snapshot(), { identity: 'new' });
      await settle();
    }
    files.fails = () => undefined;
    await mirrored.close();
    await store.close();
    const last = await readSnapshotIn(files, AT);
    expect(last.header?.bookmark.identity).not.toBe(before);
    expect([...files.names.keys()].some((name) => name.includes('.kept-'))).toBe(true);
    expect(stateIn(last, '/a/')).toBe(stateAt(states, last));
    expect(images.length).toBeGreaterThan(5);
    for (const image of images) {
      const content = await readSnapshotIn(image, AT);
      expect(content.reason).toBeUndefined();
      expect(stateIn(content, '/a/')).toBe(stateAt(states, content));
    }
  }
});

test('a file system that lacks something is refused, and says what', async () => {
  const files = { ...new MemoryFiles(), read: () => Promise.resolve(undefined) };
  for (const broken of [files, null, 'disk'])
    expect(() => fileSnapshot(AT, { files: broken as never })).toThrow(/a file system without .*rename\(\)/);
  await expect(readSnapshot(AT, { files: {} as never })).rejects.toMatchObject({ code: 'invalid-argument' });
});
