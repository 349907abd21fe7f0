export type { BaseMirror, MirrorEvents } from './base-mirror.js';
export type { Change, ChangeCause, ChangeEvent, ChangeIn } from './change.js';
export type { ChangeListener, ChangesOptions, SubscribeOptions } from './change-feed.js';
export type { Codec } from './codec.js';
export { bytes } from './codecs/bytes.js';
export { json } from './codecs/json.js';
export { text } from './codecs/text.js';
export type { Collection, SingleKey } from './collection.js';
export type { ChangeOf, CollectionsBase, CollectionsMirror, CollectionsOf } from './collections-mirror.js';
export type { ResyncEvent } from './core.js';
export type { Entry, EntryMeta } from './entry.js';
export { mirror } from './mirror.js';
export type { CollectionsOptions, CollectionsShape, CommonOptions, KeyOptions, PrefixOptions } from './options.js';
export type { KeyMirror, Mirror } from './prefix-mirror.js';
export type { Problem } from './problem.js';
export type {
  InferOutput,
  StandardSchemaIssue,
  StandardSchemaProps,
  StandardSchemaResult,
  StandardSchemaV1,
} from './standard-schema.js';
export type { MirrorState, ResyncReason, StaleReason } from './state.js';
export type { WaitOptions } from './sync.js';
export {
  collection,
  type Checked,
  type CollectionOptions,
  type CollectionPlace,
  type CollectionValue,
  type TypedCollection,
  type ValueOptions,
} from './value-options.js';
