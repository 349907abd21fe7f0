// cspell:ignore tmpfs
// A disk that is really full, and a folder that really can't be written to: a small file system of its own, where this process may mount one.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStore } from '@holdfast/memory';
import { eventually } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { json, mirror } from '../src/index.js';
import { fileSnapshot, readSnapshot } from '../src/snapshot/file/index.js';
import { notes } from './support/snapshots.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-disk-'));
const mounted = join(folder, 'mounted');
const path = join(mounted, 'config');
const A = { prefix: '/a/', codec: json<unknown>() } as const;

const mount = (...args: readonly string[]) => spawnSync('mount', [...args, mounted], { stdio: 'ignore' }).status === 0;
let isMounted = false;

beforeAll(() => {
  mkdirSync(mounted);
  isMounted = process.platform === 'linux' && mount('-t', 'tmpfs', '-o', 'size=256k', 'tmpfs');
  if (!isMounted)
    process.stderr.write('no file system can be mounted here: a full disk and a read-only one are not tested\n');
});

afterAll(() => {
  if (isMounted) spawnSync('umount', ['--lazy', mounted]);
  rmSync(folder, { recursive: true, force: true });
});

/** The disk fails in some way while a mirror saves, and works again. The file never has half of anything, and catches up. */
async function survives(code: string, breaks: () => void, mends: () => void): Promise<void> {
  const data = memoryStore();
  await data.put('/a/k', '"first"');
  const { lines, logger } = notes();
  await using mirrored = await mirror(data, { ...A, snapshot: fileSnapshot(path), saveAfterMs: 40, logger });
  const saved = async () => (await readSnapshot(path)).header?.bookmark.revision;
  await eventually(async () => expect(await saved()).toBe(mirrored.revision));
  const before = mirrored.revision;
  breaks();
  await data.put('/a/k', JSON.stringify('x'.repeat(20_000)));
  await eventually(() => lines.some((line) => line.includes(code)), { timeoutMs: 20_000 });
  expect(lines.join('\n')).toMatch(/could not be written: .*; the mirror goes on, and retries/);
  expect(mirrored.state.status).toBe('live');
  const { reason, entries, header } = await readSnapshot(path);
  expect([reason, header?.bookmark.revision, entries[0]?.value.length]).toEqual([undefined, before, 7]);
  mends();
  await eventually(async () => expect(await saved()).toBe(mirrored.revision), { timeoutMs: 20_000 });
  await mirrored.close();
  expect((await readSnapshot(path)).entries[0]?.value).toHaveLength(20_002);
  await data.close();
}

test('a full disk', async () => {
  if (!isMounted) return;
  const filler = join(mounted, 'filler');
  await survives(
    'ENOSPC',
    () => {
      for (const size of [100_000, 4_096, 1_024]) {
        // Until not even a page is left.
        for (let n = 0; n < 100; n++) {
          try {
            writeFileSync(`${filler}-${size}-${n}`, Buffer.alloc(size), { flag: 'wx' });
          } catch {
            break;
          }
        }
      }
    },
    () => {
      for (const size of [100_000, 4_096, 1_024])
        for (let n = 0; n < 100; n++) rmSync(`${filler}-${size}-${n}`, { force: true });
    },
  );
});

/** As a user that permissions hold for, who is not root. */
async function asNobody(work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

test('a folder that becomes read-only: what is open is written on, a new base waits, and the old one is kept then', async () => {
  const own = join(folder, 'own');
  mkdirSync(own);
  chmodSync(folder, 0o755);
  chmodSync(own, 0o777);
  await asNobody(async () => {
    const file = join(own, 'config');
    const data = memoryStore();
    await data.put('/a/k', '"first"');
    const { lines, logger } = notes();
    await using mirrored = await mirror(data, { ...A, snapshot: fileSnapshot(file), saveAfterMs: 40, logger });
    const value = async () => Buffer.from((await readSnapshot(file)).entries[0]?.value ?? []).toString();
    await eventually(async () => expect(await value()).toBe('"first"'));
    if (process.geteuid?.() === 65_534) chmodAsRoot(own, 0o555);
    else chmodSync(own, 0o555);
    await data.put('/a/k', '"second"');
    await eventually(async () => expect(await value()).toBe('"second"'));
    data.wipe();
    await data.put('/a/k', '"third"');
    await eventually(() => lines.some((line) => line.includes('EACCES')), { timeoutMs: 20_000 });
    expect([mirrored.get('k')?.value, await value()]).toEqual(['third', '"second"']);
    if (process.geteuid?.() === 65_534) chmodAsRoot(own, 0o777);
    else chmodSync(own, 0o777);
    await eventually(async () => expect(await value()).toBe('"third"'), { timeoutMs: 20_000 });
    await mirrored.close();
    await data.close();
    expect(lines.join('\n')).toMatch(/is kept as .*: the store has another history now/);
  });
});

/** The folder is root's. */
function chmodAsRoot(where: string, mode: number): void {
  process.seteuid?.(0);
  try {
    chmodSync(where, mode);
  } finally {
    process.seteuid?.(65_534);
  }
}

test('a folder that is read-only from the beginning: the mirror starts and lives without, and saves when it may', async () => {
  if (!isMounted) return;
  rmSync(path, { force: true });
  expect(mount('-o', 'remount,ro')).toBe(true);
  const data = memoryStore();
  await data.put('/a/k', '"first"');
  const { lines, logger } = notes();
  await using mirrored = await mirror(data, { ...A, snapshot: fileSnapshot(path), saveAfterMs: 40, logger });
  expect(mirrored.get('k')?.value).toBe('first');
  await eventually(() => lines.some((line) => line.includes('EROFS')), { timeoutMs: 20_000 });
  expect(mount('-o', 'remount,rw')).toBe(true);
  await eventually(async () => expect((await readSnapshot(path)).entries).toHaveLength(1), { timeoutMs: 20_000 });
  await mirrored.close();
  await data.close();
});
