export type { BaseMirror } from './views/base-mirror.js';
export type { Change, ChangeCause, ChangeEvent, ChangeIn } from './events/change.js';
export type {
  MirrorAuditEvent,
  MirrorChannelEvent,
  MirrorChannels,
  MirrorFigures,
  MirrorLoadEvent,
  MirrorProblemEvent,
  MirrorResyncEvent,
  MirrorStateEvent,
  MirrorStepEvent,
} from './events/channels.js';
export type { ChangeListener, ChangesOptions, SubscribeOptions } from './events/change-feed.js';
export type { Codec } from './values/codec.js';
export { bytes } from './values/bytes.js';
export { json } from './values/json.js';
export { text } from './values/text.js';
export type { Collection, SingleKey } from './views/collection.js';
export type { ChangeOf, CollectionsBase, CollectionsMirror, CollectionsOf } from './views/collections-mirror.js';
export type { MirrorEvents, ResyncEvent } from './events/mirror-events.js';
export type { Entry, EntryMeta } from './entries/entry.js';
export { type ChangeFor, mirror, type MirrorFor } from './mirror.js';
export type { KeyMirror, Mirror } from './views/prefix-mirror.js';
export type { Problem } from './events/problem.js';
export type {
  InferInput,
  InferOutput,
  StandardSchemaIssue,
  StandardSchemaProps,
  StandardSchemaResult,
  StandardSchemaV1,
} from './values/standard-schema.js';
export type { MirrorConnection, MirrorState, ResyncReason, StaleReason } from './events/state.js';
export type { HealthOptions, MirrorHealth } from './views/health.js';
export type { SnapshotStore } from './snapshot/snapshot-store.js';
export type { WaitOptions } from './proof/sync.js';
export {
  type AnyValueOptions,
  collection,
  type Checked,
  type CollectionInput,
  type CollectionOptions,
  type CollectionPlace,
  type CollectionsIn,
  type CollectionsOptions,
  type CollectionsShape,
  type CollectionValue,
  type CommonOptions,
  type KeyOptions,
  type OnePlace,
  type PrefixBeside,
  type PrefixOptions,
  type SomeCodec,
  type SomeKey,
  type SomeSchema,
  type ShapeOf,
  type Taken,
  type TypedCollection,
  type ValueOptions,
} from './options/options.js';
export type { ReservedName } from './options/reserved-name.js';
export type {
  IfUnchanged,
  PutOp,
  PutOpOptions,
  TypedDeleteGuard,
  TypedPutGuard,
  TypedPutOptions,
} from './writes/write-options.js';
