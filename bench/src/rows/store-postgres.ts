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
import { fillKeyv, keyvContender } from '../peers/keyv-contender.js';
import { fillPlain, pgContender, vacuum } from '../peers/pg-contender.js';
import { storeContender } from '../peers/store-contender.js';

async function openStore() {
  const { postgresStore } = await import('@holdfast/postgres');
  return (connectionString: string) => postgresStore({ connectionString });
}

export const row: Row = {
  name: 'store-postgres',
  title: 'The store in PostgreSQL',
  about:
    "Loads are from an unconnected client to everything in memory: a lazy mirror against a `SELECT` of texts that fills a `Map`, and with every value parsed. `keyv` reads a namespace, and parses always. A put alone is awaited before the next one; the peer awaits `BEGIN`, an upsert with parameters, and `COMMIT`. Then 64 writers put at once. Commits are flushed to the disk (`fsync = on`). Last: a thousand puts a second in another process, from just before a put to the mirror's change event, and a store with a mirror while nothing happens.",
  server: 'postgres',
  ours: ['store'],
  sides: {
    store: contenderSide('postgresStore() and mirrors', async (place) => {
      const open = await openStore();
      return storeContender(() => open(place));
    }),
    plain: contenderSide('pg by hand', pgContender),
    keyv: contenderSide('keyv, @keyv/postgres', keyvContender),
  },
  helpers: { writer: writerSide(async (place) => (await openStore())(place)) },
  metrics: STORE_METRICS,
  goals: [
    against('postgres: lazy mirror, against SELECT and a Map', 'ms', 'plain', 1.5),
    against('postgres: a put, against a transaction by hand', 'putMs', 'plain', 1.5),
    groupCommit('postgres'),
    atMost('postgres: put → change, p99', 'p99', 25),
    atMost('postgres: put → change, changes lost', 'lost', 0),
  ],
  async start(bench) {
    const { url } = await bench.postgres({ fsync: true, settings: { shared_buffers: '128MB', max_wal_size: '1GB' } });
    const { keys, warmupKeys } = bench.scale;
    const store = (await openStore())(url);
    await fillStore(store, LOADED, keys);
    await fillStore(store, WARMUP, warmupKeys);
    await store.close();
    const all = function* () {
      yield* entriesOf(LOADED, keys);
      yield* entriesOf(WARMUP, warmupKeys);
    };
    await fillPlain(url, all());
    await fillKeyv(url, { [LOADED]: keys, [WARMUP]: warmupKeys });
    await vacuum(url);
    return () => storeRound(bench, { store: url, plain: url, keyv: url }, keys);
  },
};
