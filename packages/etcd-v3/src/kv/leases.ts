import { StoreError, type Lease, type LeaseId, type LeaseStatus } from '@holdfast/store';
import { decodeUtf8, type DriverCall, type DriverLeases } from '@holdfast/store/adapter';
import type { ILeaseKeepAliveResponse } from 'etcd3';
import { badAnswer, safeInteger } from '../protobuf/bad-answer.js';
import { fromProtoHeader } from '../protobuf/header.js';
import type { Connection } from '../connection/connection.js';
import { LEASE_GRANT, LEASE_KEEP_ALIVE, LEASE_LEASES, LEASE_REVOKE, LEASE_TIME_TO_LIVE } from '../connection/rpc.js';

/** etcd's leases. Their ids are 64-bit integers, and stay decimal strings. */
export class EtcdLeases implements DriverLeases {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async grant(ttl: number, id: LeaseId | undefined, { signal }: DriverCall): Promise<Lease> {
    const request = { TTL: ttl, ID: id ?? 0 };
    const { response } = await this.#connection.unary(LEASE_GRANT, request, { kind: 'write', signal }, (answer) => {
      fromProtoHeader(answer.header);
      const lease = { id: answer.ID, ttl: safeInteger(answer.TTL) };
      if (!isLeaseId(lease.id) || (id !== undefined && lease.id !== id) || lease.ttl < 1) {
        throw badAnswer(
          `etcd granted lease ${lease.id} with a TTL of ${lease.ttl} s, where ${id ?? 'any'} was asked for`,
        );
      }
      return lease;
    });
    return response;
  }

  async revoke(id: LeaseId, { signal }: DriverCall): Promise<void> {
    await this.#connection.unary(LEASE_REVOKE, { ID: id }, { kind: 'write', signal }, ({ header }) =>
      fromProtoHeader(header),
    );
  }

  async keepAlive(id: LeaseId, { signal }: DriverCall): Promise<Lease> {
    const first = (answer: ILeaseKeepAliveResponse): number => {
      fromProtoHeader(answer.header);
      const ttl = safeInteger(answer.TTL);
      if (answer.ID !== id || ttl < 0) {
        throw badAnswer(`etcd answered for lease ${answer.ID} with a TTL of ${ttl} s, where ${id} was renewed`);
      }
      return ttl;
    };
    // Repeating it does no harm, so it may be retried like a read.
    const { response: ttl } = await this.#connection.exchange(LEASE_KEEP_ALIVE, { ID: id }, first, {
      kind: 'read',
      signal,
    });
    // etcd answers with a TTL of 0 for a lease that it does not know.
    if (ttl === 0) throw notFound(id);
    return { id, ttl };
  }

  async timeToLive(id: LeaseId, { keys }: { readonly keys: boolean }, { signal }: DriverCall): Promise<LeaseStatus> {
    const request = { ID: id, keys };
    const { response } = await this.#connection.unary(
      LEASE_TIME_TO_LIVE,
      request,
      { kind: 'read', signal },
      (answer) => {
        fromProtoHeader(answer.header);
        const status = { id, ttl: safeInteger(answer.TTL), grantedTtl: safeInteger(answer.grantedTTL) };
        if (answer.ID !== id) throw badAnswer(`etcd answered for lease ${answer.ID}, not ${id}`);
        // etcd answers with a TTL of -1 for a lease that it does not know.
        if (status.ttl === -1) throw notFound(id);
        if (status.ttl < 0 || status.grantedTtl < 1) {
          throw badAnswer(`etcd told of lease ${id} that ${status.ttl} s of ${status.grantedTtl} s are left`);
        }
        if (!keys) return status;
        return { ...status, keys: answer.keys.map((key) => decodeUtf8(key)).filter((key) => key !== undefined) };
      },
    );
    return response;
  }

  async list({ signal }: DriverCall): Promise<readonly LeaseId[]> {
    const { response } = await this.#connection.unary(LEASE_LEASES, {}, { kind: 'read', signal }, (answer) => {
      fromProtoHeader(answer.header);
      const ids = answer.leases.map(({ ID }) => ID);
      const bad = ids.find((id) => !isLeaseId(id));
      if (bad !== undefined) throw badAnswer(`etcd listed a lease ${bad}`);
      return ids;
    });
    return response;
  }
}

/** etcd's ids are positive. `etcd3` always returns an integer. */
function isLeaseId(id: string): boolean {
  return id !== '0' && !id.startsWith('-');
}

function notFound(id: LeaseId): StoreError {
  return new StoreError(
    'lease-not-found',
    `lease ${id} does not exist: it has expired or was revoked; grant a new one`,
  );
}
