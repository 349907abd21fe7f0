import {
  decodeUtf8,
  StoreError,
  type DriverCall,
  type DriverLeases,
  type Lease,
  type LeaseId,
  type LeaseStatus,
} from '@holdfast/store';
import { safeInteger } from '../protobuf/range.js';
import type { Connection } from '../connection/connection.js';
import { LEASE_GRANT, LEASE_KEEP_ALIVE, LEASE_LEASES, LEASE_REVOKE, LEASE_TIME_TO_LIVE } from '../connection/rpc.js';

/** Etcd's leases. Ids are 64-bit integers, and stay the decimal strings that they come as. */
export class EtcdLeases implements DriverLeases {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async grant(ttl: number, id: LeaseId | undefined, { signal }: DriverCall): Promise<Lease> {
    const request = { TTL: ttl, ID: id ?? 0 };
    const { response } = await this.#connection.unary(LEASE_GRANT, request, { kind: 'write', signal });
    return { id: response.ID, ttl: safeInteger(response.TTL) };
  }

  async revoke(id: LeaseId, { signal }: DriverCall): Promise<void> {
    await this.#connection.unary(LEASE_REVOKE, { ID: id }, { kind: 'write', signal });
  }

  async keepAlive(id: LeaseId, { signal }: DriverCall): Promise<Lease> {
    // Repeating it does no harm, so that it may be tried again like a read.
    const first = (response: { readonly TTL: string }): number => safeInteger(response.TTL);
    const { response: ttl } = await this.#connection.exchange(LEASE_KEEP_ALIVE, { ID: id }, first, {
      kind: 'read',
      signal,
    });
    if (ttl <= 0) throw notFound(id);
    return { id, ttl };
  }

  async timeToLive(id: LeaseId, { keys }: { readonly keys: boolean }, { signal }: DriverCall): Promise<LeaseStatus> {
    const { response } = await this.#connection.unary(LEASE_TIME_TO_LIVE, { ID: id, keys }, { kind: 'read', signal });
    const ttl = safeInteger(response.TTL);
    // Etcd's own answer for a lease that it does not know is a TTL of -1.
    if (ttl < 0) throw notFound(id);
    const status = { id, ttl, grantedTtl: safeInteger(response.grantedTTL) };
    return keys
      ? { ...status, keys: response.keys.map((key) => decodeUtf8(key)).filter((key) => key !== undefined) }
      : status;
  }

  async list({ signal }: DriverCall): Promise<readonly LeaseId[]> {
    const { response } = await this.#connection.unary(LEASE_LEASES, {}, { kind: 'read', signal });
    return response.leases.map(({ ID }) => ID);
  }
}

function notFound(id: LeaseId): StoreError {
  return new StoreError(
    'lease-not-found',
    `lease ${id} does not exist: it has expired or was revoked; grant a new one`,
  );
}
