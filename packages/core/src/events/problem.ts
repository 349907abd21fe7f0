import type { Revision } from '@holdfast/store';
import type { Revisions } from '../entries/entry.js';
import type { RawValue } from '../values/raw-value.js';

/**
 * A key that the mirror can't show as it is in the store (promise M5). It is listed until the key is fixed or deleted. Until then
 * the mirror shows the last good value, if there was one.
 */
export interface Problem {
  /** Relative to the prefix, as everywhere. Absent if the key itself is not UTF-8. */
  readonly key?: string;
  /** The key's collection, in a mirror of several. */
  readonly collection?: string;
  /** The bytes of the whole key, if it is not UTF-8. */
  readonly rawKey?: Uint8Array;
  readonly reason: string;
  /** The thrown error, or the schema's issues. */
  readonly cause?: unknown;
  /** The revision of the bad value. */
  readonly revision: Revision;
  /** The key is bad without interruption since then, in milliseconds since the epoch. */
  readonly since: number;
}

/** A problem, with what is needed to recognise the same version again. */
export interface BadValue extends Revisions {
  readonly problem: Problem;
  readonly content: number | RawValue;
}
