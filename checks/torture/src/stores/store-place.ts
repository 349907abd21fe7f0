import type { ConfigStore } from '@holdfast/store';
import { groundOf, type Ground } from '../coordination/ground.js';
import type { Outside } from '../outside.js';
import type { TruthSource } from '../truth-source.js';

/** A database or a folder, and the ways to it. */
export interface StorePlace {
  /** The store under test. */
  readonly store: ConfigStore;
  /** Another process's: what writers and faults use, and an honest competitor. */
  readonly direct: ConfigStore;
  readonly outside: Outside;
  readonly proxies: readonly { readonly endpoint: string }[];
  /** Tells of all keys that begin with a text, without Holdfast. */
  source(above: string): TruthSource;
  /** The ids of all leases, read without Holdfast. */
  leases(): Promise<ReadonlySet<string>>;
  /** What the source follows now. */
  endpoints(): readonly string[];
  close(): Promise<void>;
}

/** What coordinators stand on there. */
export function storeGround(place: StorePlace, prefix: string): Ground {
  return groundOf({
    prefix,
    tested: place.store,
    direct: place.direct,
    outside: place.outside,
    endpoints: () => place.endpoints(),
    source: (above) => place.source(above),
    leases: () => place.leases(),
  });
}
