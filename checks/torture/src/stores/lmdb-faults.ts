import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isStoreError } from '@holdfast/store';
import { eventually } from '@holdfast/testkit';
import { NotInjected } from '../fault.js';
import { linger } from '../faults/members.js';
import { compaction } from './compaction.js';
import type { LmdbPlace } from './lmdb-place.js';
import type { StoreFault } from './store-fault.js';
import type { StoreWorld } from './store-world.js';

type World = StoreWorld<LmdbPlace>;
type LmdbFault = StoreFault<World>;

const PATIENCE_MS = 20_000;
const FILLING = '/fill/';
const MEGABYTE = 2 ** 20;
const isLmdb: LmdbFault['appliesTo'] = (cell) => cell.startsWith('lmdb/');
const isAlways: LmdbFault['appliesTo'] = (cell) => cell === 'lmdb/always';

/** kill -9 of the process that writes, once or several times, and another in its place. */
const writerKill: LmdbFault = {
  kind: 'writer-kill',
  appliesTo: isLmdb,
  async inject({ place, direct }, random) {
    const times = random.between(1, 3);
    for (let time = 1; time <= times; time += 1) {
      await linger(random, 0, 200);
      await place.writer.kill();
      if (time < times) {
        place.writer.start();
        await eventually(() => direct.status(), { timeoutMs: PATIENCE_MS });
      }
    }
    const ms = await linger(random, 0, 500);
    const heal = (): Promise<void> => {
      place.writer.start();
      return Promise.resolve();
    };
    return { heal, details: { times, ms } };
  },
};

/** SIGSTOP and SIGCONT of the process that writes: in a transaction, it holds up all writers. */
const writerPause: LmdbFault = {
  kind: 'writer-pause',
  appliesTo: isLmdb,
  async inject({ place }, random) {
    const { pid } = place.writer;
    const ms = random.between(200, 1_500);
    // Another process lets it go on: this one may be among those that wait for it.
    const helper = spawn('sh', ['-c', `kill -STOP ${pid}; sleep ${ms / 1_000}; kill -CONT ${pid}`], {
      stdio: 'ignore',
    });
    const over = new Promise<void>((resolve) => helper.once('exit', () => resolve()));
    await eventually(() => stateOf(pid) === 'T', { timeoutMs: ms, intervalMs: 5 }).catch(async () => {
      await over;
      throw new NotInjected('the process was not stopped');
    });
    return { heal: () => over, details: { ms } };
  },
};

/** More is written than the quota allows, until puts are refused; then room is made again. */
const full: LmdbFault = {
  kind: 'full',
  // The quota is the same in both modes.
  appliesTo: isAlways,
  async inject({ direct, writers, truth }, random) {
    let megabytes = 0;
    const value = new Uint8Array(MEGABYTE);
    const refusal = await (async () => {
      for (;;) await direct.put(`${FILLING}${(megabytes += 1)}`, value);
    })().catch((error: unknown) => error);
    if (!isStoreError(refusal) || refusal.code !== 'unavailable' || refusal.outcome !== 'not-applied') throw refusal;
    const ms = await linger(random, 300, 1_500);
    const heal = async (): Promise<void> => {
      await writers.pause();
      try {
        await direct.delete({ prefix: FILLING });
        await truth.catchUp();
        await direct.compact((await direct.status()).revision, { physical: true });
        await direct.put(`${FILLING}room`, '1');
      } finally {
        writers.resume();
      }
    };
    return { heal, bound: 'relist', details: { megabytes, ms } };
  },
};

/** The folder is not there for a while, as a volume that is mounted anew. */
const folderAway: LmdbFault = {
  kind: 'folder-away',
  appliesTo: isLmdb,
  async inject({ place, store }, random) {
    place.takeAway();
    const isRefused = async () =>
      store.get('/none').then(
        () => false,
        (error: unknown) => isStoreError(error) && error.code === 'unavailable',
      );
    await eventually(isRefused, { timeoutMs: 3_000 }).catch(() => {
      place.putBack();
      throw new NotInjected('the store reads without its folder');
    });
    const ms = await linger(random, 0, 1_000);
    const heal = (): Promise<void> => {
      place.putBack();
      return Promise.resolve();
    };
    return { heal, details: { ms } };
  },
};

export const lmdbFaults: readonly LmdbFault[] = [
  writerKill,
  writerPause,
  full,
  folderAway,
  // Nothing stands between a process and its folder: what can be away is the whole of it, and nobody compacts it then.
  compaction(isLmdb),
];

function stateOf(pid: number | undefined): string | undefined {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0];
}
