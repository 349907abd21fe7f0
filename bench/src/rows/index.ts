import type { Row } from '../harness/row.js';
import { row as backlog } from './backlog.js';
import { row as channels } from './channels.js';
import { row as comeback } from './comeback.js';
import { row as growth } from './growth.js';
import { row as idle } from './idle.js';
import { row as large } from './large.js';
import { row as latency } from './latency.js';
import { row as load } from './load.js';
import { row as locks } from './locks.js';
import { row as memory } from './memory.js';
import { row as memoryStore } from './memory-store.js';
import { row as reads } from './reads.js';
import { row as resync } from './resync.js';
import { row as soak } from './soak.js';
import { row as storeFiles } from './store-files.js';
import { row as storeLmdb } from './store-lmdb.js';
import { row as storeMemory } from './store-memory.js';
import { row as storePostgres } from './store-postgres.js';
import { row as v2Load } from './v2-load.js';
import { row as v2Watch } from './v2-watch.js';
import { row as warmStart } from './warm-start.js';

/** In the order in which they run and are shown. */
export const rows: readonly Row[] = [
  load,
  memory,
  growth,
  large,
  backlog,
  comeback,
  resync,
  latency,
  idle,
  locks,
  warmStart,
  v2Load,
  v2Watch,
  reads,
  memoryStore,
  storeMemory,
  storeFiles,
  storeLmdb,
  storePostgres,
  channels,
  soak,
];
