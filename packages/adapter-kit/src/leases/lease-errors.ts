import { StoreError, type LeaseId, type WriteOutcome } from '@holdfast/store';

/** The error of a lease that is not there. @param outcome of a write */
export function leaseNotFound(id: LeaseId, outcome?: WriteOutcome): StoreError {
  return new StoreError(
    'lease-not-found',
    `there is no lease ${id}: it was never granted, was revoked, or has expired`,
    { outcome },
  );
}

/** The error of a grant whose id is taken. */
export function leaseExists(id: LeaseId): StoreError {
  return new StoreError('conflict', `lease ${id} exists already; leave the id out to have one chosen`, {
    outcome: 'not-applied',
  });
}
