import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import type { ConfigStore } from '@holdfast/store';
import type { Place } from './mover.js';

/** More patience than by default: what is tried is that nothing is lost, on machines that are busy with other work too. */
const TIMEOUTS = { connectMs: 60_000, requestMs: 60_000 };

export function openStore({ kind, endpoint }: Place): ConfigStore {
  return (kind === 'v2' ? etcdV2Store : etcdV3Store)({ endpoints: [endpoint], timeouts: TIMEOUTS });
}
