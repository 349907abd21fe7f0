import type { Revision } from '@holdfast/store';
import { digest } from '../entries/digest.js';

/** What is kept of a key in the range that belongs to no collection: enough to tell histories apart by it (M8). */
export interface Unclaimed {
  readonly modRevision: Revision;
  readonly digest: number;
}

export function unclaimedOf(modRevision: Revision, value: Uint8Array): Unclaimed {
  return { modRevision, digest: digest(value) };
}

/** Whether this is the version that is known. */
export function isSameUnclaimed(known: Unclaimed | undefined, modRevision: Revision, value: Uint8Array): boolean {
  return known?.modRevision === modRevision && known.digest === digest(value);
}
