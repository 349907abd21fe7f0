import { BaseMirror, type MirrorParts } from './base-mirror.js';
import type { ChangeIn } from '../events/change.js';
import type { Collection, SingleKey } from './collection.js';
import type { CollectionsShape } from '../options/options.js';
import type { CollectionValue } from '../options/value-options.js';

/** The changes of a mirror of several collections. Each names its collection. */
export type ChangeOf<Shape extends CollectionsShape, Default> = {
  [Name in keyof Shape & string]: ChangeIn<Name, CollectionValue<Shape[Name], Default>>;
}[keyof Shape & string];

/** The collections by name. Those of one key also have `value` and `entry`. */
export type CollectionsOf<Shape extends CollectionsShape, Default> = {
  readonly [Name in keyof Shape & string]: Shape[Name] extends { readonly key: string }
    ? SingleKey<CollectionValue<Shape[Name], Default>, ChangeIn<Name, CollectionValue<Shape[Name], Default>>>
    : Collection<CollectionValue<Shape[Name], Default>, ChangeIn<Name, CollectionValue<Shape[Name], Default>>>;
};

/** The members of a mirror of several collections, beside the collections themselves. */
export class CollectionsBase<Shape extends CollectionsShape, Default> extends BaseMirror<ChangeOf<Shape, Default>> {
  /** The collections by name, for code that does not know the names. */
  readonly collections: CollectionsOf<Shape, Default>;

  /** @internal */
  constructor(parts: MirrorParts<ChangeOf<Shape, Default>>, collections: CollectionsOf<Shape, Default>) {
    super(parts);
    this.collections = Object.freeze(collections);
    Object.assign(this, collections);
  }
}

/** A mirror of several collections below one prefix, with one load, one watch and one bookmark: they change together (M4). */
export type CollectionsMirror<Shape extends CollectionsShape, Default = Uint8Array> = CollectionsBase<Shape, Default> &
  CollectionsOf<Shape, Default>;
