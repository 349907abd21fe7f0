import type { Codec, StandardSchemaV1 } from '@holdfast/core';
import type { ConfigEntry } from './config-entry.js';

/** A part of the configuration, as `mirror()` takes it: everything below a prefix, or one key. */
export type CollectionPlan = {
  readonly codec: Codec<unknown>;
  readonly schema?: StandardSchemaV1;
} & ({ readonly prefix: string } | { readonly key: string });

/** What the quickstart shows, and with which configuration. Keys start with `/`; the steps put a prefix of their own before them. */
export interface Plan {
  readonly title: string;
  readonly entries: readonly ConfigEntry[];
  /** What the keys of all collections start with. */
  readonly prefix: string;
  readonly collections: Readonly<Record<string, CollectionPlan>>;
  /** Step 2: written while the mirror is live. */
  readonly liveChange: ConfigEntry;
  /** Step 3: written in one transaction, over several collections where there are several. */
  readonly together: readonly ConfigEntry[];
  /** Step 4: a key that is there, and a value for it that can't be used. */
  readonly badValue: { readonly key: string; readonly value: string | Uint8Array };
  /** Step 5: what the mirror misses while it is cut off. */
  readonly missed: {
    /** Written one after the other, to one key. */
    readonly changed: readonly ConfigEntry[];
    /** Written, and deleted again. */
    readonly shortLived: ConfigEntry;
    /** The key of an entry that is deleted. */
    readonly deleted: string;
  };
}
