import { BaseMirror, type MirrorParts } from './base-mirror.js';
import type { ChangeIn } from '../events/change.js';
import type { Collection, SingleKey } from './collection.js';
import type { CollectionInput, CollectionValue } from '../options/options.js';

/** The changes of a mirror of several collections: each says which one it is in. */
export type ChangeOf<Shape, Default> = {
  [Name in keyof Shape & string]: ChangeIn<Name, CollectionValue<Shape[Name], Default>>;
}[keyof Shape & string];

/** The collections by name: those that are one key have `value`, `entry` and `set` too. */
export type CollectionsOf<Shape, Default> = {
  readonly [Name in keyof Shape & string]: Shape[Name] extends { readonly key: string }
    ? SingleKey<
        CollectionValue<Shape[Name], Default>,
        ChangeIn<Name, CollectionValue<Shape[Name], Default>>,
        CollectionInput<Shape[Name], Default>
      >
    : Collection<
        CollectionValue<Shape[Name], Default>,
        ChangeIn<Name, CollectionValue<Shape[Name], Default>>,
        CollectionInput<Shape[Name], Default>
      >;
};

/** What a mirror of several collections has beside the collections themselves. */
export class CollectionsBase<Shape, Default> extends BaseMirror<ChangeOf<Shape, Default>> {
  /** The collections by name, for where the name is not known beforehand. */
  readonly collections: CollectionsOf<Shape, Default>;

  /** @internal */
  constructor(parts: MirrorParts, collections: CollectionsOf<Shape, Default>) {
    super(parts);
    this.collections = Object.freeze(collections);
    Object.assign(this, collections);
  }
}

/** A mirror of several collections under one prefix: one load, one watch, one bookmark, so that they step together. */
export type CollectionsMirror<Shape, Default = Uint8Array> = CollectionsBase<Shape, Default> &
  CollectionsOf<Shape, Default>;
