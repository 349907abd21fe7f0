import type { Mutant } from '../mutant.js';
import { adapterKit } from './adapter-kit.js';
import { campaigns } from './campaigns.js';
import { coordination } from './coordination.js';
import { etcdCommon } from './etcd-common.js';
import { etcdV2 } from './etcd-v2.js';
import { etcdV3Calls } from './etcd-v3-calls.js';
import { etcdV3Watch } from './etcd-v3-watch.js';
import { lmdb } from './lmdb.js';
import { files } from './files.js';
import { integrations } from './integrations.js';
import { mirror } from './mirror.js';
import { mirrorBursts } from './mirror-bursts.js';
import { postgres } from './postgres.js';
import { processLife } from './process-life.js';
import { replication } from './replication.js';
import { snapshots } from './snapshots.js';
import { store } from './store.js';

/** All mutants of the sources, by what they are mutants of. */
export const mutants: Readonly<Record<string, readonly Mutant[]>> = {
  'the etcd v3 adapter': [...etcdV3Watch, ...etcdV3Calls],
  'the etcd v2 adapter': etcdV2,
  'what both etcd adapters share': etcdCommon,
  'the mirror': [...mirror, ...mirrorBursts],
  'starting without the store': snapshots,
  'carrying one store over to another': replication,
  'locks and sessions': coordination,
  'what all adapters share': store,
  'adapters on the kit': adapterKit,
  'the embedded store that keeps its data': lmdb,
  'the store in PostgreSQL': postgres,
  'the files store': files,
  'everything that the fuzzer and the hostile servers found': campaigns,
  'what keeps the process alive': processLife,
  'mirrors in frameworks and their instrumentation': integrations,
};
