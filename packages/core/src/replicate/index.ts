export { type Conflict, type ConflictReason, ReplicationConflictError } from './conflict.js';
export {
  type CopyResult,
  type CutOverResult,
  migrate,
  type MigrateOptions,
  type Migration,
  type MigrationPlan,
} from './migrate.js';
export type { MigrationStage } from './migration-note.js';
export type { Difference, Verification } from './verify.js';
export type { ConflictPolicy, ReplicateOptions } from './options.js';
export { replicate } from './replicate.js';
export type { Replication, ReplicationEvents, SyncOptions } from './replication.js';
export type { ReplicationState } from './state.js';
