import { renameSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { openStore } from '@holdfast/store';
import { safeLogger } from '@holdfast/store/adapter';
import {
  conformanceCases,
  runConformance,
  simulateLink,
  virtualClock,
  type ConformanceBackend,
} from '@holdfast/testkit';
import { describeConformance } from '@holdfast/testkit/jest';
import { lmdb, lmdbStore } from '@holdfast/lmdb';
import { engineFor } from '../src/engine/shared-engines.js';
import { LmdbDriver } from '../src/lmdb-driver.js';
import { resolveOptions } from '../src/options.js';
import { sample } from '../../../.ci/test/support/sample.js';
import { newFolder, removeFolders } from './support/folders.js';

const silent = safeLogger(undefined);

function lmdbBackend(): ConformanceBackend {
  const clock = virtualClock(Date.now());
  const path = newFolder();
  const open = (options = {}) => lmdbStore({ path, clock, ...options });
  const data = open();
  return {
    open,
    scanKeys: 2_500,
    hooks: {
      putRaw: async (key, value) => {
        const engine = engineFor(resolveOptions({ path, clock }), silent);
        const driver = new LmdbDriver(engine, resolveOptions({ path, clock }));
        await driver.putRaw(key, value);
        await driver.close();
      },
      deleteRaw: async (key) => void (await data.delete({ start: key, end: Uint8Array.from([...key, 0]) })),
      writeOutside: async (key, value) => {
        // A handle of its own: nothing but the file is common to it and the others.
        const other = lmdbStore({ path, clock, quotaBytes: 2 ** 30 });
        await (value === undefined ? other.delete(key) : other.put(key, value));
        await other.close();
      },
      disturbed: async (options) => simulateLink(data, { clock, ...options }),
      unreachable: async () => {
        const { store, link } = simulateLink(data, { clock, endpoint: 'nowhere:1' });
        await link.cut();
        return { store, endpoint: 'nowhere:1' };
      },
      disturb: {
        break: () => {
          renameSync(path, `${path}.away`);
        },
        heal: () => {
          renameSync(`${path}.away`, path);
        },
      },
      passTime: (ms) => clock.advance(ms),
      openByUrl: () => openStore(`lmdb:${path}`, { adapters: [lmdb.with({ clock })] }),
    },
    close: async () => {
      await data.close();
      removeFolders();
    },
  };
}

// npm run test:fast tries a quarter of the cases.
const isFast = sample([0, 1]).length === 1;
if (!isFast) describeConformance('lmdb', lmdbBackend);
else {
  test('a quarter of the conformance suite', async () => {
    const backend = lmdbBackend();
    const reports = await runConformance(backend, sample(conformanceCases));
    await backend.close?.();
    expect(
      reports.flatMap(({ case: { id }, outcome }) => (outcome.status === 'failed' ? [[id, outcome]] : [])),
    ).toEqual([]);
  });
}
