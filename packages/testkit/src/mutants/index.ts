import { ambiguityMutants } from './ambiguity.js';
import { bookmarkMutants } from './bookmarks.js';
import { capabilityMutants } from './capabilities.js';
import { errorMutants } from './errors.js';
import { historyMutants } from './history.js';
import { keyMutants } from './keys.js';
import { leaseMutants } from './leases.js';
import { lifecycleMutants } from './lifecycle.js';
import type { Mutant } from './mutant.js';
import { outsideMutants } from './outside.js';
import { rangeMutants } from './ranges.js';
import { readMutants } from './reads.js';
import { revisionMutants } from './revisions.js';
import { scanMutants } from './scan.js';
import { slowConsumerMutants } from './slow-consumers.js';
import { txnMutants } from './txn.js';
import { watchEndMutants } from './watch-ends.js';
import { watchEventMutants } from './watch-events.js';
import { watchMutants } from './watch.js';
import { writeMutants } from './writes.js';

/** Every broken store, by clause. */
export const mutants: readonly Mutant[] = [
  ...keyMutants,
  ...rangeMutants,
  ...revisionMutants,
  ...readMutants,
  ...scanMutants,
  ...writeMutants,
  ...ambiguityMutants,
  ...leaseMutants,
  ...txnMutants,
  ...watchMutants,
  ...watchEventMutants,
  ...bookmarkMutants,
  ...slowConsumerMutants,
  ...watchEndMutants,
  ...historyMutants,
  ...errorMutants,
  ...capabilityMutants,
  ...lifecycleMutants,
  ...outsideMutants,
];
