import type { Lease, LeaseId, LeaseStatus } from '@holdfast/store';
import type { DriverLeases } from '@holdfast/store/adapter';
import type { LeaseRecord, LeaseTable } from './lease-table.js';

/**
 * The `leases` of a driver, over a table.
 *
 * @param onRevoke called with each lease that was revoked, which is forgotten already. The callee deletes its keys, as for one that expired
 * @param nameOf the key as text, where the table names keys by something else
 */
export function driverLeases(table: LeaseTable, onRevoke: (lease: LeaseRecord) => unknown): DriverLeases;
export function driverLeases<K>(
  table: LeaseTable<K>,
  onRevoke: (lease: LeaseRecord<K>) => unknown,
  nameOf: (key: K) => string,
): DriverLeases;
export function driverLeases<K>(
  table: LeaseTable<K>,
  onRevoke: (lease: LeaseRecord<K>) => unknown,
  nameOf: (key: K) => string = String,
): DriverLeases {
  const plain = ({ id, ttl }: LeaseRecord<K>): Lease => ({ id, ttl });
  return {
    grant: async (ttl, id) => {
      table.expire();
      return plain(table.grant(ttl, id));
    },
    revoke: async (id: LeaseId) => {
      table.expire();
      const lease = table.require(id, 'not-applied');
      table.remove(lease);
      await onRevoke(lease);
    },
    keepAlive: async (id) => {
      table.expire();
      const lease = table.require(id);
      table.renew(lease);
      return plain(lease);
    },
    timeToLive: async (id, { keys }): Promise<LeaseStatus> => {
      table.expire();
      const lease = table.require(id);
      const status = { id, grantedTtl: lease.ttl, ttl: Math.ceil(table.leftMs(lease) / 1_000) };
      return keys ? { ...status, keys: [...lease.keys].map(nameOf).sort() } : status;
    },
    list: async () => {
      table.expire();
      return table.list().map(({ id }) => id);
    },
  };
}
