import type { Codec, StandardSchemaV1 } from '@holdfast/core';
import type { ConfigEntry } from './config-entry.js';

/** A part of the configuration, as `mirror()` takes it: everything below a prefix, or one key. */
export type CollectionPlan = {
  readonly codec: Codec<unknown>;
  readonly schema?: StandardSchemaV1;
} & ({ readonly prefix: string } | { readonly key: string });

/** The quickstart's configuration, and the changes of each step. Keys start with `/`; the steps put their own prefix before them. */
export interface Plan {
  readonly title: string;
  readonly entries: readonly ConfigEntry[];
  /** The prefix of all collections. */
  readonly prefix: string;
  readonly collections: Readonly<Record<string, CollectionPlan>>;
  /** Step 2: written while the mirror is live. */
  readonly liveChange: ConfigEntry;
  /** Step 3: written in one transaction, over several collections if there are several. */
  readonly together: readonly ConfigEntry[];
  /** Step 4: an existing key, and a bad value for it. */
  readonly badValue: { readonly key: string; readonly value: string | Uint8Array };
  /** Step 5: the changes that the mirror misses while it is cut off. */
  readonly missed: {
    /** Written to one key, one after another. */
    readonly changed: readonly ConfigEntry[];
    /** Written, then deleted. */
    readonly shortLived: ConfigEntry;
    /** The key of an entry that is deleted. */
    readonly deleted: string;
  };
}
