import { join } from 'node:path';
import { entriesOf, fillStore } from '../data/entries.js';
import type { Row } from '../harness/row.js';
import {
  against,
  atMost,
  groupCommit,
  LOADED,
  STORE_METRICS,
  storeRound,
  WARMUP,
  writerSide,
} from '../harness/store-row.js';
import { contenderSide } from '../harness/store-side.js';
import { fillLmdb, lmdbContender } from '../peers/lmdb-contender.js';
import { storeContender } from '../peers/store-contender.js';

async function openStore() {
  const { lmdbStore } = await import('@holdfast/lmdb');
  return (path: string) => lmdbStore({ path });
}

export const row: Row = {
  name: 'store-lmdb',
  title: 'The store in LMDB',
  about:
    'As for PostgreSQL. The peer is the package `lmdb` with texts: a cursor that fills a `Map`, and `put` with `flushed`. `keyv` has no adapter for LMDB.',
  server: 'none',
  ours: ['store'],
  sides: {
    store: contenderSide('lmdbStore() and mirrors', async (place) => {
      const open = await openStore();
      return storeContender(() => open(place));
    }),
    plain: contenderSide('lmdb by hand', lmdbContender),
  },
  helpers: { writer: writerSide(async (place) => (await openStore())(place)) },
  metrics: STORE_METRICS,
  goals: [
    against('lmdb: lazy mirror, against a cursor and a Map', 'ms', 'plain', 1.5),
    groupCommit('lmdb'),
    atMost('lmdb: put → change, changes lost', 'lost', 0),
  ],
  async start(bench) {
    const folder = bench.folder();
    const { keys, warmupKeys } = bench.scale;
    const places = { store: join(folder, 'store'), plain: join(folder, 'plain') };
    const store = (await openStore())(places.store);
    await fillStore(store, LOADED, keys);
    await fillStore(store, WARMUP, warmupKeys);
    await store.close();
    await fillLmdb(places.plain, entriesOf(LOADED, keys));
    await fillLmdb(places.plain, entriesOf(WARMUP, warmupKeys));
    return () => storeRound(bench, places, keys);
  },
};
