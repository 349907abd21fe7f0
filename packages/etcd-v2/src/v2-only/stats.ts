import { isStoreError, type DriverCall } from '@holdfast/store';
import { parseJson } from '../json/codec.js';
import type { Connection } from '../connection/connection.js';

/** What one member counts, as etcd tells it: its names are etcd's own. */
export interface EtcdV2Stats {
  /** The member that answers. */
  readonly self: {
    readonly id: string;
    readonly name: string;
    /** `StateLeader`, `StateFollower`, … */
    readonly state: string;
    readonly startTime: string;
    readonly recvAppendRequestCnt: number;
    readonly sendAppendRequestCnt: number;
  };
  /** How it reaches its followers; only where the member that answers leads. */
  readonly leader?: {
    readonly leader: string;
    readonly followers: Readonly<Record<string, unknown>>;
  };
  /** Operations on its copy of the data, and the watchers it has. */
  readonly store: Readonly<Record<string, number>>;
}

/** Whether a member says that it can serve, and why not. */
export interface EtcdV2Health {
  readonly healthy: boolean;
  readonly reason?: string;
  readonly endpoint: string;
}

export async function readStats(connection: Connection, { signal }: DriverCall): Promise<EtcdV2Stats> {
  const [self, leader, store] = await Promise.all([
    connection.call({ method: 'GET', path: '/v2/stats/self', kind: 'read', signal }),
    connection.call({ method: 'GET', path: '/v2/stats/leader', kind: 'read', signal, expectStatus: [403] }),
    connection.call({ method: 'GET', path: '/v2/stats/store', kind: 'read', signal }),
  ]);
  return {
    self: parseJson<EtcdV2Stats['self']>(self.body),
    // 403: "not current leader".
    ...(leader.status === 200 && { leader: parseJson<NonNullable<EtcdV2Stats['leader']>>(leader.body) }),
    store: parseJson<EtcdV2Stats['store']>(store.body),
  };
}

/** Asks each endpoint itself: the answers of the healthy ones alone would say little. */
export async function readHealth(connection: Connection, { signal }: DriverCall): Promise<readonly EtcdV2Health[]> {
  return Promise.all(
    connection.endpoints.map(async (endpoint): Promise<EtcdV2Health> => {
      try {
        const { body } = await connection.callAt(endpoint, {
          method: 'GET',
          path: '/health',
          kind: 'read',
          signal,
          expectStatus: [503],
        });
        const { health, reason } = parseJson<{ health: string | boolean; reason?: string }>(body);
        const healthy = health === true || health === 'true';
        return { healthy, endpoint: endpoint.name, ...(reason ? { reason } : {}) };
      } catch (error) {
        if (!isStoreError(error) || signal?.aborted === true) throw error;
        return { healthy: false, reason: error.message, endpoint: endpoint.name };
      }
    }),
  );
}
