import type { ChangeIn, CollectionsMirror, Entry } from '@holdfast/core';
import type { CollectionPlan, Plan } from './plan.js';

export type Gateway = CollectionsMirror<Readonly<Record<string, CollectionPlan>>>;

/** Where the mirror shows a key. */
export interface Place {
  readonly collection: string;
  /** Relative to the collection's prefix. */
  readonly key: string;
}

/** Where the mirror of a plan shows a key of its configuration. */
export function placeOf(plan: Plan, key: string): Place {
  for (const [collection, at] of Object.entries(plan.collections)) {
    if ('key' in at && plan.prefix + at.key === key) return { collection, key: at.key };
    if ('prefix' in at && key.startsWith(plan.prefix + at.prefix)) {
      return { collection, key: key.slice(plan.prefix.length + at.prefix.length) };
    }
  }
  throw new Error(`${key} belongs to no collection`);
}

export function entryAt(gateway: Gateway, { collection, key }: Place): Entry<unknown> | undefined {
  return gateway.collections[collection]?.get(key);
}

/** Everything that the mirror shows, by the place as text. */
export function everything(gateway: Gateway, plan: Plan): Map<string, Entry<unknown>> {
  const shown = new Map<string, Entry<unknown>>();
  for (const collection of Object.keys(plan.collections)) {
    for (const [key, entry] of gateway.collections[collection] ?? []) shown.set(pathOf({ collection, key }), entry);
  }
  return shown;
}

/** A place as text: `routes/r1`. For a collection of one key: its name. */
export function pathOf({ collection, key }: Place): string {
  if (collection === key || collection === `./${key}`) return key;
  return `${collection}${collection.endsWith('/') ? '' : '/'}${key}`;
}

export function describe({ type, collection, key }: ChangeIn<string, unknown>): string {
  return `${type} ${pathOf({ collection, key })}`;
}
