import { Buffer } from 'node:buffer';
import type { Revision } from '@holdfast/store';
import { errorToJson } from '@holdfast/store/adapter';

/**
 * A key that the mirror can't show as it is in the store. It stays listed until the key is fixed or deleted;
 * until then the mirror shows the last good value, if there was one.
 */
export interface Problem {
  /** Relative, as everywhere; absent where the key itself is not UTF-8. */
  readonly key?: string;
  /** Which collection it belongs to, in a mirror of several. */
  readonly collection?: string;
  /** The whole key's bytes, where it is not UTF-8. */
  readonly rawKey?: Uint8Array;
  readonly reason: string;
  /** What was thrown, or the schema's issues. */
  readonly cause?: unknown;
  /** The revision of the bad value. */
  readonly revision: Revision;
  /** Since when the key is bad without a break, in milliseconds since the epoch. */
  readonly since: number;
}

/**
 * A finished problem, which `JSON.stringify` keeps whole, for health endpoints and logs: its cause as plain data, and `rawKey` in
 * hexadecimal.
 */
export function toProblem(fields: Problem): Problem {
  // Not enumerable: it is no part of what a problem tells.
  return Object.freeze(Object.defineProperty(fields, 'toJSON', { value: problemToJson }));
}

function problemToJson(this: Problem): object {
  const { rawKey, cause, ...plain } = this;
  return {
    ...plain,
    ...(rawKey === undefined ? {} : { rawKey: `0x${Buffer.from(rawKey).toString('hex')}` }),
    ...(cause === undefined ? {} : { cause: errorToJson(cause) }),
  };
}
