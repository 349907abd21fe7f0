import type { KeyValue } from '@holdfast/store';
import { bytesEqual } from '@holdfast/store/adapter';

/** One key that is to become another value, or to go. `before` guards it: only what was shown is overwritten. */
export interface Change {
  readonly key: string;
  /** The entry as it was read; absent where there was none. */
  readonly before?: KeyValue;
  /** The value that it is to have; absent where the key is to be deleted. */
  readonly after?: Uint8Array;
}

export type ChangeKind = 'create' | 'update' | 'delete';

export function kindOf({ before, after }: Change): ChangeKind {
  return after === undefined ? 'delete' : before === undefined ? 'create' : 'update';
}

/** Why a key is left as it is. */
export interface LeftOut {
  readonly key: string;
  readonly reason: string;
}

/** What is to be changed, and what is left as it is. */
export interface ChangeSet {
  readonly changes: readonly Change[];
  readonly leftOut: readonly LeftOut[];
  /** How many keys are as they are to be. */
  readonly unchanged: number;
}

/** A key that goes by itself: with its lease, or when its time is over. Put back without that, it would stay for ever. */
export function isLeased({ lease, expiresAt }: Pick<KeyValue, 'lease' | 'expiresAt'>): boolean {
  return lease !== undefined || expiresAt !== undefined;
}

/**
 * What is to be changed so that keys get the wanted values.
 *
 * @param wanted the value that each key is to have. `undefined`: the key is to go
 * @param current the entries that there are, of these keys at least
 * @param isSame whether two values mean the same; by default, equal bytes
 */
export function changesBetween(
  wanted: ReadonlyMap<string, Uint8Array | undefined>,
  current: ReadonlyMap<string, KeyValue>,
  isSame: (key: string, before: Uint8Array, after: Uint8Array) => boolean = (_, before, after) =>
    bytesEqual(before, after),
): ChangeSet {
  const changes: Change[] = [];
  const leftOut: LeftOut[] = [];
  let unchanged = 0;
  for (const [key, after] of wanted) {
    const before = current.get(key);
    if (before === undefined ? after === undefined : after !== undefined && isSame(key, before.value, after)) {
      unchanged += 1;
    } else if (before !== undefined && isLeased(before)) {
      leftOut.push({ key, reason: leaseReason(before) });
    } else {
      changes.push({ key, ...(before !== undefined && { before }), ...(after !== undefined && { after }) });
    }
  }
  return { changes, leftOut, unchanged };
}

/** Why a leased key is left out. */
export function leaseReason({ lease }: Pick<KeyValue, 'lease'>): string {
  return lease === undefined ? 'it has a time to live' : `it is attached to lease ${lease}`;
}
