export { type Conflict, type ConflictReason, ReplicationConflictError } from './conflict.js';
export type { ConflictPolicy, ReplicateOptions } from './options.js';
export { replicate } from './replicate.js';
export type { Replication, ReplicationEvents, SyncOptions } from './replication.js';
export type { ReplicationState } from './state.js';
