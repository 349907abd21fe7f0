import { join } from 'node:path';
import { entriesOf } from '../data/entries.js';
import type { Row } from '../harness/row.js';
import { atMost, LOADED, STORE_METRICS, storeRound, WARMUP, writerSide } from '../harness/store-row.js';
import { contenderSide } from '../harness/store-side.js';
import { fillFolder, folderContender, putFile } from '../peers/folder-contender.js';
import { storeContender } from '../peers/store-contender.js';

export const row: Row = {
  name: 'store-files',
  title: 'The store in files',
  about:
    'A folder of YAML files, a tenth of the keys. The peer reads it with `readdir`, `readFile` and the package `yaml`, and writes a temporary file that it flushes and renames. The store waits until a file is at rest for 50 ms (`settleMs`), which a change takes at least.',
  server: 'none',
  ours: ['store'],
  sides: {
    store: contenderSide('filesStore() and mirrors', async (path) => {
      const { filesStore } = await import('@holdfast/files');
      return storeContender(() => filesStore({ path, writable: true }));
    }),
    plain: contenderSide('files by hand', (path) => Promise.resolve(folderContender(path))),
  },
  helpers: {
    writer: writerSide((path) =>
      Promise.resolve({ put: (key, value) => putFile(path, key, value, false), close: () => undefined }),
    ),
  },
  metrics: STORE_METRICS,
  goals: [atMost('files: put → change, changes lost', 'lost', 0)],
  async start(bench) {
    const folder = bench.folder();
    const { smallKeys, warmupKeys } = bench.scale;
    const places = { store: join(folder, 'store'), plain: join(folder, 'plain') };
    for (const place of Object.values(places)) {
      fillFolder(place, entriesOf(LOADED, smallKeys));
      fillFolder(place, entriesOf(WARMUP, Math.ceil(warmupKeys / 10)));
    }
    return () => storeRound(bench, places, smallKeys);
  },
};
