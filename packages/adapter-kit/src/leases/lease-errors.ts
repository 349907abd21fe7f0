import { StoreError, type LeaseId, type WriteOutcome } from '@holdfast/store';

export function leaseNotFound(id: LeaseId, outcome?: WriteOutcome): StoreError {
  return new StoreError(
    'lease-not-found',
    `there is no lease ${id}: it was never granted, was revoked, or has expired`,
    { outcome },
  );
}

export function leaseExists(id: LeaseId): StoreError {
  return new StoreError('conflict', `lease ${id} exists already; leave the id out to have one chosen`, {
    outcome: 'not-applied',
  });
}
