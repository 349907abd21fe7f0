import { excerpt } from '@holdfast/etcd-common';
import { isStoreError } from '@holdfast/store';
import type { DriverCall } from '@holdfast/store/adapter';
import { parseHealth, parseStats } from '../json/cluster.js';
import { notEtcds } from '../json/bad-answer.js';
import { parseMessage } from '../errors.js';
import type { Connection } from '../connection/connection.js';

/** One member's statistics, under etcd's own names. */
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
  /** Its connections to its followers; only if the answering member is the leader. */
  readonly leader?: {
    readonly leader: string;
    readonly followers: Readonly<Record<string, unknown>>;
  };
  /** Counts of operations on its copy of the data, and of its watchers. */
  readonly store: Readonly<Record<string, number>>;
}

/** Whether a member reports that it can serve, or why not. */
export interface EtcdV2Health {
  readonly healthy: boolean;
  readonly reason?: string;
  readonly endpoint: string;
}

/** @internal */
export async function readStats(connection: Connection, { signal }: DriverCall): Promise<EtcdV2Stats> {
  const [self, leader, store] = await Promise.all([
    connection.ask({
      method: 'GET',
      path: '/v2/stats/self',
      kind: 'read',
      signal,
      parse: ({ body }) => parseStats<EtcdV2Stats['self']>(body, { id: 'string', name: 'string', state: 'string' }),
    }),
    connection.ask({
      method: 'GET',
      path: '/v2/stats/leader',
      kind: 'read',
      signal,
      expectStatus: [403],
      parse: ({ status, body }) => {
        if (status === 200) {
          return parseStats<NonNullable<EtcdV2Stats['leader']>>(body, { leader: 'string', followers: 'object' });
        }
        if (parseMessage(body) !== 'not current leader') throw notEtcds('it does not say that another member leads');
        return undefined;
      },
    }),
    connection.ask({
      method: 'GET',
      path: '/v2/stats/store',
      kind: 'read',
      signal,
      parse: ({ body }) => parseStats<EtcdV2Stats['store']>(body, { getsSuccess: 'number', watchers: 'number' }),
    }),
  ]);
  return { self, ...(leader !== undefined && { leader }), store };
}

/** @internal Asks every endpoint: the answers of the healthy ones alone would show little. */
export async function readHealth(connection: Connection, { signal }: DriverCall): Promise<readonly EtcdV2Health[]> {
  return Promise.all(
    connection.endpoints.map(async (endpoint): Promise<EtcdV2Health> => {
      try {
        const { result } = await connection.callAt(endpoint, {
          method: 'GET',
          path: '/health',
          kind: 'read',
          signal,
          expectStatus: [503],
          anyCluster: true,
          parse: ({ body }) => parseHealth(body),
        });
        const { healthy = false, reason = '' } = result ?? {};
        return { healthy, endpoint: endpoint.name, ...(reason === '' ? {} : { reason: excerpt(reason) }) };
      } catch (error) {
        if (!isStoreError(error) || signal?.aborted === true) throw error;
        return { healthy: false, reason: error.message, endpoint: endpoint.name };
      }
    }),
  );
}
