import { type ConfigStore, isStoreError } from '@holdfast/store';
import { decodeUtf8, GuardedStore, invalidArgument, KeyRange, quoted } from '@holdfast/store/adapter';
import type { Places } from './places.js';

/** Two stores, and what a replication reads in the one and writes in the other. */
export interface Sides {
  readonly source: ConfigStore;
  readonly target: ConfigStore;
  readonly prefix: string;
  readonly places: Places;
}

/** Whether both are views of one store, or the same object. Stores that were opened apart may be one all the same: see {@link showsRecord}. */
export function isOneStore(source: ConfigStore, target: ConfigStore): boolean {
  return GuardedStore.originOf(source).store === GuardedStore.originOf(target).store;
}

/** Whether both are views of one store, at the same place in it. */
export function isSamePlace(source: ConfigStore, target: ConfigStore): boolean {
  return isOneStore(source, target) && prefixOf(source) === prefixOf(target);
}

function prefixOf(view: ConfigStore): string {
  return GuardedStore.originOf(view).prefix;
}

/**
 * Within one store, a copy of a copy of a copy would have no end, and neither would a copy of the record.
 *
 * @throws StoreError `invalid-argument`
 */
export function checkApart({ source, target, prefix, places }: Sides): void {
  const from = prefixOf(source) + prefix;
  for (const [to, option] of [
    [prefixOf(target) + places.prefix, 'targetPrefix'],
    [prefixOf(target) + places.record, 'recordKey'],
  ] as const) {
    if (!from.startsWith(to) && !to.startsWith(from)) continue;
    throw invalidArgument(
      `source and target are the same store, and ${KeyRange.ofPrefix(from).toString()} overlaps ` +
        `${KeyRange.ofPrefix(to).toString()}; give a ${option} beside the prefix`,
    );
  }
}

/**
 * The fences, one in each store, are outside of what is moved.
 *
 * @throws StoreError `invalid-argument`
 */
export function checkFence(fence: string, { source, target, prefix, places }: Sides): void {
  const moved = [
    { store: source, below: prefix },
    { store: target, below: places.prefix },
  ];
  for (const fenced of [source, target]) {
    for (const { store, below } of moved) {
      const isInside = isOneStore(fenced, store)
        ? (prefixOf(fenced) + fence).startsWith(prefixOf(store) + below)
        : fence.startsWith(below);
      if (!isInside) continue;
      throw invalidArgument(
        `fenceKey ${quoted(fence)} is under ${quoted(below)}, which is migrated; give one outside of it`,
      );
    }
  }
}

/** Whether the source shows what a replicator has written in the target: stores that were opened apart are one. */
export async function showsRecord({ source, target, places }: Sides, writer: string, signal: AbortSignal) {
  const key = prefixOf(target) + places.record;
  try {
    const item = await GuardedStore.originOf(source).store.get(key, { signal });
    return item !== undefined && decodeUtf8(item.value)?.includes(writer) === true;
  } catch (error) {
    // The source can't have the key, or does not show it to this user.
    if (isStoreError(error, 'invalid-argument') || isStoreError(error, 'permission-denied')) return false;
    throw error;
  }
}
