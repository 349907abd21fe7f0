import { leaseExists, leaseNotFound } from '@holdfast/adapter-kit';
import type { Lease, LeaseId, LeaseStatus } from '@holdfast/store';
import { invalidArgument, type DriverCall, type DriverLeases } from '@holdfast/store/adapter';
import { randomBytes } from 'node:crypto';
import type { Tables } from '../database/tables.js';
import type { WriteTxn } from './write-txn.js';
import type { SubmitOptions } from './writer.js';
import { allLeases, attachedNames, expiredLeases, findLease, saveLease } from '../leases/lease-book.js';

/** What leases need of an engine. */
export interface LeaseEngine {
  readonly machine: { uptimeMs(): number };
  wallMs(): number;
  /** @throws StoreError `unavailable` where there is no room for so many bytes */
  checkRoom(bytes: number): void;
  read<T>(work: (tables: Tables) => T): T;
  write<T>(run: (txn: WriteTxn) => T, options: SubmitOptions): Promise<T>;
}

// etcd's limit: about 285 years.
const MAX_TTL_SECONDS = 9_000_000_000;
// About what a lease takes.
const LEASE_BYTES = 200;

/** The leases of a driver. They are in the file, and the time since the machine started judges them: any process ends those of a dead one. */
export function makeLeases(engine: LeaseEngine): DriverLeases {
  const save = ({ tables, nowMs }: WriteTxn, id: LeaseId, ttl: number): Lease => {
    const ms = ttl * 1_000;
    saveLease(tables, id, { ttl, deadlineMs: nowMs + ms, expiresAt: engine.wallMs() + ms });
    return { id, ttl };
  };
  /** Reads after those that have expired are gone. */
  const current = async <T>(work: (tables: Tables) => T, { signal }: DriverCall): Promise<T> => {
    const due = engine.read((tables) => expiredLeases(tables, engine.machine.uptimeMs()).length > 0);
    return due ? engine.write(({ tables }) => work(tables), { signal, isWrite: false }) : engine.read(work);
  };
  return {
    grant: async (ttl, id, { signal }) => {
      if (ttl > MAX_TTL_SECONDS) {
        throw invalidArgument(`a lease of ${ttl} seconds is too long; the most is ${MAX_TTL_SECONDS}`);
      }
      engine.checkRoom(LEASE_BYTES);
      return engine.write(
        (txn) => {
          if (id !== undefined && findLease(txn.tables, id) !== undefined) throw leaseExists(id);
          txn.touch();
          return save(txn, id ?? freeId(txn.tables), ttl);
        },
        { signal, bytes: LEASE_BYTES },
      );
    },
    revoke: async (id, { signal }) => {
      await engine.write(
        (txn) => {
          txn.requireLease(id);
          txn.endLease(id);
        },
        { signal },
      );
    },
    keepAlive: async (id, { signal }) =>
      engine.write(
        (txn) => {
          const { ttl } = txn.requireLease(id);
          txn.touch();
          return save(txn, id, ttl);
        },
        { signal, isWrite: false },
      ),
    timeToLive: async (id, { keys }, call): Promise<LeaseStatus> =>
      current((tables) => {
        const lease = findLease(tables, id);
        if (lease === undefined) throw leaseNotFound(id);
        const ttl = Math.max(0, Math.ceil((lease.deadlineMs - engine.machine.uptimeMs()) / 1_000));
        const status = { id, grantedTtl: lease.ttl, ttl };
        return keys ? { ...status, keys: attachedNames(tables, id) } : status;
      }, call),
    list: async (call) => current(allLeases, call),
  };
}

/** A random positive 63-bit id, like etcd's. */
function freeId(tables: Tables): LeaseId {
  for (;;) {
    const id = String(randomBytes(8).readBigUInt64BE() >> 1n);
    if (id !== '0' && findLease(tables, id) === undefined) return id;
  }
}
