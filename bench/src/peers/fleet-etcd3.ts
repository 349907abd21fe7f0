import type { IWatchResponse } from 'etcd3';
import { setTimeout as delay } from 'node:timers/promises';
import { digestSorted } from '../data/digest.js';
import { connectEtcd3, watchEtcd3 } from './etcd3.js';
import type { FleetPeer } from './fleet-client.js';

const RETRY_MS = 100;

/**
 * A `Map` that a watcher of `etcd3` keeps up to date. The watcher resumes by itself. Where the server has compacted what it missed, the
 * watcher ends with an error, and the `Map` is loaded again.
 */
export const fleetEtcd3: FleetPeer = {
  prepare: () => import('etcd3'),
  open: async ({ endpoints, prefix }) => {
    const client = await connectEtcd3(endpoints);
    let content = new Map<string, string>();
    let revision = 0;
    let loads = 0;

    const apply = ({ events }: IWatchResponse): void => {
      for (const { type, kv } of events) {
        if (type === 'Delete') content.delete(kv.key.toString());
        else content.set(kv.key.toString(), kv.value.toString());
        revision = Number(kv.mod_revision);
      }
    };
    const load = async (): Promise<void> => {
      const { kvs, header } = await client.getAll().prefix(prefix).exec();
      content = new Map(kvs.map(({ key, value }) => [key.toString(), value.toString()]));
      revision = Number(header.revision);
      loads += 1;
    };
    const follow = async (): Promise<void> => {
      const watcher = await watchEtcd3(client, prefix, revision + 1, apply);
      watcher.on('error', () => void again());
    };
    const again = async (): Promise<void> => {
      for (;;) {
        try {
          await load();
          await follow();
          return;
        } catch {
          await delay(RETRY_MS);
        }
      }
    };

    await load();
    await follow();
    return {
      get reloads() {
        return loads - 1;
      },
      timeouts: 0,
      isAt: (wanted) => revision >= wanted,
      digest: () => digestSorted(content),
    };
  },
};
