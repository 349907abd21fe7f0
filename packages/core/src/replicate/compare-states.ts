import type { KeyValue, LeaseId } from '@holdfast/store';
import { bytesEqual, nextTurn } from '@holdfast/store/adapter';
import type { Conflict } from './conflict.js';
import type { ConflictBook } from './conflict-book.js';
import { isMortal } from './lease-tap.js';
import type { TargetKeys, Write } from './ledger.js';
import type { OwnKeys } from './own-keys.js';
import type { Wanted } from './wanted.js';

/** After how many keys others get their turn. */
const AT_ONCE = 2_000;

export interface StatesToCompare {
  readonly there: TargetKeys;
  /** What is to be there, by the target's key. */
  readonly wanted: ReadonlyMap<string, Wanted>;
  /** The target's leases of the wanted keys. */
  readonly leases: ReadonlyMap<string, LeaseId>;
  /** Gets the own keys that are there. */
  readonly own: OwnKeys;
  readonly book: ConflictBook;
  isOwn(item: KeyValue): boolean;
  /** Called for an own key with another value than the source's. */
  onContradiction(want: Wanted): void;
  /** Called for a wanted key that is left as it is. */
  onLeft(targetKey: string): void;
}

/** What has to be written to make the target equal to the source, and which keys are in the way. */
export async function compareStates(
  states: StatesToCompare,
): Promise<{ readonly writes: readonly Write[]; readonly conflicts: readonly Conflict[] }> {
  const { there, wanted, leases, own, book } = states;
  const writes: Write[] = [];
  const conflicts: Conflict[] = [];
  const absent = new Map(wanted);
  const add = (conflict: Conflict) => {
    conflicts.push(conflict);
    if (conflict.resolution === 'left') states.onLeft(conflict.targetKey);
  };
  for (const [index, item] of there.items.entries()) {
    if (index % AT_ONCE === AT_ONCE - 1) await nextTurn();
    const { key, modRevision: over } = item;
    const want = absent.get(key);
    absent.delete(key);
    const isOwn = states.isOwn(item);
    // What is to outlive its source is under a lease that is kept alive, or has no end until the cut over.
    const isTimed = item.lease === undefined && isMortal(item);
    if (isOwn) own.set(key, { revision: over, lease: item.lease, isTimed });
    if (want === undefined) {
      // Of others, where it is not own.
      if (isOwn) writes.push({ type: 'delete', key, over });
      continue;
    }
    const unfit = book.unfit(key, want, item);
    if (unfit !== undefined) {
      add(unfit);
      continue;
    }
    const { value } = want.entry;
    const isEqual = bytesEqual(value, item.value);
    if (isOwn && !isEqual) states.onContradiction(want);
    const lease = leases.get(key);
    if (isOwn && isEqual && lease === item.lease && !isTimed) continue;
    // Equal by chance, or by a copy made before: nothing is lost by making it an own key.
    if (!isOwn && !(isEqual && !isMortal(item))) {
      const conflict = book.of('exists', key, want, item);
      add(conflict);
      if (conflict.resolution === 'left') continue;
    }
    writes.push({ type: 'put', key, over, value, lease });
  }
  for (const [key, want] of absent) {
    const unfit = book.unfit(key, want, undefined);
    if (unfit === undefined)
      writes.push({ type: 'put', key, over: 0, value: want.entry.value, lease: leases.get(key) });
    else add(unfit);
  }
  return { writes, conflicts };
}
