import { StoreError } from './errors.js';
import { textOf } from './message-of.js';

declare const revisionBrand: unique symbol;

/**
 * A point in a store's history: a positive safe integer, ordered store-wide. etcd v3 calls it
 * revision, etcd v2 index. One change of the store (a put, a transaction) takes one revision.
 */
export type Revision = number & { readonly [revisionBrand]: 'Revision' };

/**
 * Brands a number, bigint or decimal string as a {@link Revision}.
 *
 * @throws StoreError `invalid-argument` if it is not a positive integer, or is past 2^53−1 (never rounded).
 */
export function toRevision(value: number | bigint | string): Revision {
  const revision = typeof value === 'number' ? value : Number(value);
  if (Number.isSafeInteger(revision) && revision > 0 && (typeof value !== 'string' || /^\d+$/.test(value))) {
    return revision as Revision;
  }
  throw new StoreError(
    'invalid-argument',
    `revision ${JSON.stringify(textOf(value))} is not a positive integer up to 2^53-1; pass a revision that the store gave`,
  );
}

/**
 * A resumable point: "everything up to and including `revision`, in the history called `identity`".
 * JSON-serialisable. `identity` names the history it belongs to (etcd: the cluster id), so that a bookmark
 * of another store is refused instead of silently misread.
 */
export interface Bookmark {
  readonly revision: Revision;
  readonly identity: string;
}
