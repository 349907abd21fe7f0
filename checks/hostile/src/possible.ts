import type { KeyValue, Lease } from '@holdfast/store';

/** What is wrong, in words; `undefined` if nothing is. */
export type Wrong = string | undefined;

/** What no revision can be, whatever a server says. */
export function wrongRevision(revision: number): Wrong {
  return isNumber(revision) ? undefined : `told revision ${revision}`;
}

/** What no entry of a key without a lease can be. */
export function wrongEntry({ key, createRevision, modRevision, version, lease }: KeyValue): Wrong {
  if (!isNumber(modRevision)) return `gave ${key} of revision ${modRevision}`;
  if (!isNumber(createRevision) || createRevision > modRevision) return `gave ${key} created at ${createRevision}`;
  if (version !== undefined && !isNumber(version)) return `gave ${key} of version ${version}`;
  return lease === undefined ? undefined : `gave ${key} with lease ${lease}`;
}

/** What no lease can be that was granted. */
export function wrongLease({ id, ttl }: Lease): Wrong {
  return /^[1-9]\d*$/.test(id) && isNumber(ttl) ? undefined : `gave lease ${id} for ${ttl} s`;
}

function isNumber(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}
