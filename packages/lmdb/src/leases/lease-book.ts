import { prefixEnd } from '@holdfast/adapter-kit';
import type { LeaseId } from '@holdfast/store';
import { keyName } from '../data/utf8.js';
import { attachedKey, deadlineKey, deadlineOf, leaseIdOf, leaseKey } from '../data/records.js';
import type { Tables } from '../database/tables.js';

/** A lease as the file has it. */
export interface StoredLease {
  /** Seconds granted. */
  readonly ttl: number;
  /** When it expires, by the time since the machine started. */
  readonly deadlineMs: number;
  /** When it expires, by the wall clock at its last renewal: for people. */
  readonly expiresAt: number;
}

const PRESENT = Buffer.of(1);

export function findLease({ leases }: Tables, id: LeaseId): StoredLease | undefined {
  const bytes = leases.get(leaseKey(id));
  return bytes === undefined ? undefined : (JSON.parse(Buffer.from(bytes).toString()) as StoredLease);
}

/** Writes a lease, and its place among the deadlines. */
export function saveLease(tables: Tables, id: LeaseId, lease: StoredLease): void {
  const before = findLease(tables, id);
  if (before !== undefined) tables.deadlines.removeSync(deadlineKey(before.deadlineMs, id));
  tables.leases.putSync(leaseKey(id), Buffer.from(JSON.stringify(lease)));
  tables.deadlines.putSync(deadlineKey(lease.deadlineMs, id), PRESENT);
}

/** Forgets a lease. Gives the keys that were attached to it, in their order. */
export function removeLease(tables: Tables, id: LeaseId): readonly Uint8Array[] {
  const before = findLease(tables, id);
  if (before !== undefined) tables.deadlines.removeSync(deadlineKey(before.deadlineMs, id));
  tables.leases.removeSync(leaseKey(id));
  const keys = attachedKeys(tables, id);
  for (const key of keys) detach(tables, id, key);
  return keys;
}

export function attach({ attached }: Tables, id: LeaseId, key: Uint8Array): void {
  attached.putSync(attachedKey(id, key), PRESENT);
}

export function detach({ attached }: Tables, id: LeaseId, key: Uint8Array): void {
  attached.removeSync(attachedKey(id, key));
}

export function attachedKeys({ attached }: Tables, id: LeaseId): readonly Uint8Array[] {
  const start = leaseKey(id);
  const end = prefixEnd(start);
  return [...attached.getKeys({ start, ...(end && { end }) })].map((place) => place.subarray(8));
}

export function attachedNames(tables: Tables, id: LeaseId): readonly string[] {
  return attachedKeys(tables, id).flatMap((key) => keyName(key) ?? []);
}

export function allLeases({ leases }: Tables): readonly LeaseId[] {
  return [...leases.getKeys()].map((place) => leaseIdOf(place));
}

/** When the first lease expires. */
export function firstDeadline({ deadlines }: Tables): number | undefined {
  for (const place of deadlines.getKeys({ limit: 1 })) return deadlineOf(place);
  return undefined;
}

/** The leases that have expired, the first one first. */
export function expiredLeases({ deadlines }: Tables, nowMs: number): readonly LeaseId[] {
  const ids: LeaseId[] = [];
  for (const place of deadlines.getKeys()) {
    if (deadlineOf(place) > nowMs) break;
    ids.push(leaseIdOf(place, 8));
  }
  return ids;
}

/** Gives each lease its full time again. */
export function renewAllLeases(tables: Tables, nowMs: number): void {
  for (const id of allLeases(tables)) {
    const lease = findLease(tables, id);
    if (lease === undefined) continue;
    const ms = lease.ttl * 1_000;
    saveLease(tables, id, { ttl: lease.ttl, deadlineMs: nowMs + ms, expiresAt: Date.now() + ms });
  }
}
