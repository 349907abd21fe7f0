import type { Revision } from '@holdfast/store';
import { digest } from '../entries/digest.js';

/** What the table keeps of an unclaimed key: enough to tell histories apart (M8). */
export interface Unclaimed {
  readonly modRevision: Revision;
  readonly digest: number;
}

export function unclaimed(modRevision: Revision, value: Uint8Array): Unclaimed {
  return { modRevision, digest: digest(value) };
}

/** Whether this is the known version. */
export function isSameUnclaimed(known: Unclaimed | undefined, modRevision: Revision, value: Uint8Array): boolean {
  return known?.modRevision === modRevision && known.digest === digest(value);
}
