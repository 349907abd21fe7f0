// cspell:ignore renameat pwrite pwritev openat FDCWD writev
// Processes that keep a snapshot, and die: by `kill -9` at random moments, several on one file, and one whose system calls are traced.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readSnapshot } from '@holdfast/core/file-snapshot';
import { etcdV3Store } from '@holdfast/etcd-v3';
import type { ConfigStore, Revision } from '@holdfast/store';
import { type Etcd, eventually, Random, startEtcd } from '@holdfast/testkit';
import { buildCommand } from '../support/build-command.js';
import { warmChild, type WarmChild } from '../support/warm-child.js';
import { type Background, inBackground } from '../../../../.ci/test/support/in-background.js';

/** How often a process is killed. `npm run kills` does that 200 times. */
const KILLS = Number(process.env['HOLDFAST_KILLS'] ?? 5);
const PREFIX = '/app/';
const SAVE_AFTER_MS = KILLS >= 100 ? 2_000 : 600;
/** A machine under load lets processes stand still, which is no fault of theirs; the campaign is held to the promise itself. */
const TIME = KILLS >= 100 ? 'at' : 'ranMs';
/** A campaign goes on, however slowly a busy machine starts its processes. */
const PATIENCE = KILLS >= 100 ? { timeoutMs: 120_000 } : {};

const folder = mkdtempSync(join(tmpdir(), 'holdfast-warm-'));
const children = new Set<WarmChild>();
let etcd: Etcd;
let url = '';
let store: ConfigStore;

beforeAll(async () => {
  buildCommand();
  etcd = await startEtcd();
  [url = ''] = etcd.endpoints;
  store = etcdV3Store({ endpoints: [url] });
});

afterAll(async () => {
  await Promise.all([...children].map((child) => child.kill()));
  await store?.close();
  await etcd?.close();
  rmSync(folder, { recursive: true, force: true });
});

function start(name: string, options: object = {}, under: readonly string[] = [], endpoint = url): WarmChild {
  const child = warmChild({ endpoint, path: join(folder, name, 'config'), prefix: PREFIX, options, under });
  children.add(child);
  void child.gone.then(() => children.delete(child));
  return child;
}

const isReady = ({ told }: WarmChild) => told.some(({ ready }) => ready === true);

/** Writes until it is told to stop. */
function writing(random: Random): Background {
  return inBackground(async (isOver) => {
    while (!isOver()) {
      const key = `${PREFIX}k${random.below(50)}`;
      if (random.chance(0.2)) await store.delete(key);
      else
        await store.txn({
          if: [],
          then: [
            { type: 'put', key, value: 'v'.repeat(random.below(500)) },
            { type: 'put', key: `${key}-twin`, value: key },
          ],
        });
    }
  });
}

/** What etcd had at a revision: the keys and their values. */
async function truth(revision: Revision): Promise<Map<string, string>> {
  const { items } = await store.list({ prefix: PREFIX }, { revision });
  return new Map(items.map(({ key, value }) => [key, Buffer.from(value).toString('latin1')]));
}

test(
  'killed at any moment under writes, a process leaves a snapshot that is whole, right, and no older than saveAfterMs',
  async () => {
    const path = join(folder, 'killed', 'config');
    mkdirSync(join(folder, 'killed'));
    const random = new Random(KILLS);
    await using writes = writing(random);
    const ages: number[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      const before = existsSync(path) ? (await readSnapshot(path)).header?.written : undefined;
      const child = start('killed', { saveAfterMs: SAVE_AFTER_MS });
      await eventually(() => isReady(child), PATIENCE);
      // From the first completed save of this process on.
      await eventually(async () => expect((await readSnapshot(path)).header?.written).not.toBe(before), {
        intervalMs: 5,
        ...PATIENCE,
      });
      await new Promise((resolve) => setTimeout(resolve, random.below(2 * SAVE_AFTER_MS)));
      await child.kill();
      const { reason, header, entries } = await readSnapshot(path);
      expect(reason).toBeUndefined();
      const { revision } = header?.bookmark ?? { revision: 0 as Revision };
      expect(new Map(entries.map(({ key, value }) => [key, Buffer.from(value).toString('latin1')]))).toEqual(
        await truth(revision),
      );
      const shown = child.told.filter((each) => each.revision !== undefined);
      const missed = shown.find((each) => (each.revision ?? 0) > revision);
      ages.push(missed === undefined ? 0 : shown.at(-1)![TIME] - missed[TIME]);
    }
    await writes.stop();
    const oldest = Math.max(...ages);
    // And wakes them late.
    expect(oldest).toBeLessThanOrEqual(KILLS >= 100 ? SAVE_AFTER_MS : 3 * SAVE_AFTER_MS);
    if (KILLS >= 100) {
      const result = {
        kills: KILLS,
        saveAfterMs: SAVE_AFTER_MS,
        usable: ages.length,
        right: ages.length,
        oldestMs: Math.round(oldest),
      };
      writeFileSync(join(__dirname, 'warm-start-kills.json'), `${JSON.stringify(result, null, 2)}\n`);
    }
  },
  60_000 + KILLS * 5_000,
);

test('eight processes with one file all start, one of them writes, and another takes over when it is killed', async () => {
  await store.put(`${PREFIX}shared`, '1');
  const path = join(folder, 'shared', 'config');
  const workers = Array.from({ length: 8 }, () => start('shared', { saveAfterMs: SAVE_AFTER_MS }));
  await eventually(() => workers.every(isReady), { timeoutMs: 60_000 });
  const reads = ({ told }: WarmChild) =>
    told.filter(({ warning }) => warning?.includes('only reads it') === true).length;
  await eventually(() => {
    expect(workers.map(reads).sort()).toEqual([0, 1, 1, 1, 1, 1, 1, 1]);
  });
  expect(readdirSync(join(folder, 'shared')).filter((name) => name.includes('.writer-'))).toHaveLength(1);
  await eventually(async () => expect((await readSnapshot(path)).reason).toBeUndefined());
  const writer = workers.find((each) => reads(each) === 0);
  await writer?.kill();
  const { revision } = await store.put(`${PREFIX}shared`, '2');
  await eventually(
    async () => expect((await readSnapshot(path)).header?.bookmark.revision).toBeGreaterThanOrEqual(revision),
    { timeoutMs: 60_000 },
  );
  expect(readdirSync(join(folder, 'shared')).filter((name) => name.includes('.writer-'))).toHaveLength(1);
  await Promise.all(workers.map((each) => each.kill('SIGTERM')));
  // Without the store, they all start from the file.
  const again = Array.from({ length: 2 }, () => start('shared', { snapshotName: url }, [], 'http://127.0.0.1:1'));
  await eventually(() => again.every(isReady), { timeoutMs: 60_000 });
  for (const { told } of again) {
    expect(told.find(({ ready }) => ready === true)).toMatchObject({ state: 'stale', reason: 'from-snapshot' });
  }
  await Promise.all(again.map((each) => each.kill()));
});

/** A call as `strace -f -y` writes it: its name and arguments, with the paths of files beside their descriptors. */
const hasStrace = spawnSync('strace', ['-V']).status === 0;

if (hasStrace)
  test('each rename comes after the sync of what is renamed, and before the sync of its folder', async () => {
    const trace = join(folder, 'trace');
    const calls = 'trace=rename,renameat,renameat2,fsync,fdatasync,write,pwrite64,pwritev,writev,openat';
    const child = start('traced', { saveAfterMs: 100 }, ['strace', '-f', '-y', '-e', calls, '-o', trace]);
    await eventually(() => isReady(child), { timeoutMs: 60_000 });
    const path = join(folder, 'traced', 'config');
    await eventually(() => existsSync(path));
    await using writes = writing(new Random(1));
    const size = async () => (await readSnapshot(path)).header?.bytes.log ?? 0;
    for (let flush = 0; flush < 3; flush++) {
      const before = await size();
      await eventually(async () => expect(await size()).toBeGreaterThan(before));
    }
    await writes.stop();
    await child.kill();
    await eventually(() => readFileSync(trace, 'utf8').includes('rename'));
    const events = eventsOf(readFileSync(trace, 'utf8'), join(folder, 'traced'));
    const renames = events.filter(({ call }) => call === 'rename');
    expect(renames.length).toBeGreaterThan(0);
    for (const rename of renames) {
      const at = events.indexOf(rename);
      const of = events
        .slice(0, at)
        .filter(({ path: file }) => file === rename.path)
        .map(({ call }) => call);
      expect(of.lastIndexOf('write')).toBeGreaterThanOrEqual(0);
      expect(of.lastIndexOf('sync')).toBeGreaterThan(of.lastIndexOf('write'));
      expect(events.slice(at).some(({ call, path: file }) => call === 'sync' && file === join(folder, 'traced'))).toBe(
        true,
      );
    }
    // What is in the log is synced too.
    const log = events.filter(({ path: file }) => file.endsWith('.log')).map(({ call }) => call);
    expect(log.filter((call) => call === 'sync').length).toBeGreaterThan(1);
  });

/** Writes, syncs and renames of files in a folder, in the order in which they were done. */
function eventsOf(
  trace: string,
  where: string,
): readonly { readonly call: 'write' | 'sync' | 'rename'; readonly path: string }[] {
  return trace.split('\n').flatMap((line) => {
    // A call that was interrupted by one of another thread counts where it is resumed, and then tells no path: `-y` shows it at its beginning.
    const sync = /\b(?:fsync|fdatasync)\(\d+<([^>]*)>/.exec(line);
    const write = /\b(?:write|pwrite64|pwritev|writev)\(\d+<([^>]*)>/.exec(line);
    const rename = /\brename(?:at2?)?\((?:AT_FDCWD[^,]*, )?"([^"]*)"/.exec(line);
    const [call, path] = sync ? ['sync', sync[1]] : write ? ['write', write[1]] : rename ? ['rename', rename[1]] : [];
    if (call === undefined || path?.startsWith(where) !== true) return [];
    return [{ call: call as 'write' | 'sync' | 'rename', path }];
  });
}
