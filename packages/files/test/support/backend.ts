import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { filesStore, type FilesStoreOptions } from '@holdfast/files';
import { pathOf, type FileKey } from '@holdfast/files/format';
import { openStore } from '@holdfast/store';
import { files } from '@holdfast/files';
import type { ConformanceBackend } from '@holdfast/testkit';

/** Thousands of flushed writes: in memory where there is such a file system. */
const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
let made = 0;

/** Puts a file into place as careful programs do: whole, by a rename. */
export function saveFile(path: string, content: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.saved-${(made += 1)}`);
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}

/** A folder of its own, and the conformance suite's backend over it. */
export function filesBackend(options: Partial<FilesStoreOptions>): { backend: ConformanceBackend; folder: string } {
  const parent = mkdtempSync(join(MEMORY, 'holdfast-files-'));
  const folder = join(parent, 'app');
  mkdirSync(folder);
  const first = filesStore({ path: folder, settleMs: 1, pollMs: 200, historyEvents: 200, ...options });
  const fileOf = (key: FileKey) => join(folder, `${pathOf(key)}.bin`);
  const remove = (key: FileKey) => {
    // The store may have chosen another ending.
    for (const ending of ['bin', 'txt', 'json', 'yaml'])
      rmSync(join(folder, `${pathOf(key)}.${ending}`), { force: true });
  };
  // What was changed past the store is at rest before the case goes on. For a store that is only read, the suite itself waits for it.
  const seen = async () => {
    if (options.writable === true) await look();
  };
  const look = async () => void (await first.list({ prefix: '' }, { countOnly: true }));
  const write = (key: FileKey, value: Uint8Array) => {
    if (options.writable === true && typeof key === 'string') remove(key);
    saveFile(fileOf(key), value);
  };
  const backend: ConformanceBackend = {
    patienceMs: process.env['HOLDFAST_FILES'] === 'whole' ? 180_000 : 30_000,
    scanKeys: 30,
    backlogRevisions: 40,
    open: (given) => first.connect(given),
    hooks: {
      writeOutside: async (key, value) => {
        if (value === undefined) remove(key);
        else write(key, value);
        await seen();
      },
      putRaw: async (key, value) => {
        write(key, value);
        await look();
      },
      deleteRaw: async (key) => {
        remove(key);
        await look();
      },
      disturb: {
        break: () => renameSync(folder, `${folder}.away`),
        heal: () => renameSync(`${folder}.away`, folder),
      },
      openByUrl: () =>
        openStore(`files:${folder}`, { adapters: [files.with({ settleMs: 1, historyEvents: 200, ...options })] }),
    },
    close: async () => {
      await first.close();
      rmSync(parent, { recursive: true, force: true });
    },
  };
  return { backend, folder };
}
