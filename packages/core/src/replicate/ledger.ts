import type { Clock, KeyValue, LeaseId, StoreError } from '@holdfast/store';
import type { OwnKeys } from './own-keys.js';
import type { Progress, ReplicationRecord } from './record.js';

/** One write in the target. `endsAt`: when the key ends there without a lease, in milliseconds since the epoch. */
export type Write = {
  /** The target's key, in full. */
  readonly key: string;
  /** The revision that the key must have there; 0 if it must be absent. */
  readonly over: number;
} & (
  | {
      readonly type: 'put';
      readonly value: Uint8Array;
      readonly lease: LeaseId | undefined;
      readonly endsAt?: number | undefined;
    }
  | { readonly type: 'delete' }
);

/** A write whose key is not as it must be. */
export interface Refusal {
  readonly write: Write;
  readonly current: KeyValue | undefined;
  /** Set where the target does not take the write at all. */
  readonly error?: StoreError;
}

export interface Committed {
  readonly done: readonly Write[];
  readonly refused: readonly Refusal[];
}

/** The target's keys under the prefix, and which of them are own. */
export interface TargetKeys {
  readonly items: readonly KeyValue[];
  isOwn(item: KeyValue): boolean;
}

/**
 * The target as a replicator sees it: its record, and the writes that go with the record. Every call fails with `conflict` once another
 * replicator has taken the record.
 */
export interface Ledger {
  /** As it was last written. */
  readonly record: ReplicationRecord;
  /** Takes the record, from a replicator before this one too: that one changes nothing from now on. Returns what it said before. */
  open(): Promise<ReplicationRecord | undefined>;
  /** Reads the target's keys. */
  read(): Promise<TargetKeys>;
  /** Finds the record, and leaves it to whoever has it: `read` then tells what is that one's own. */
  peek(): Promise<ReplicationRecord | undefined>;
  /**
   * Writes, and notes the progress. Nothing is tried twice unless it is certain that it was not applied.
   *
   * @param migration replaces what the record says of a migration
   */
  commit(writes: readonly Write[], progress: Progress, migration?: unknown): Promise<Committed>;
  /** Fails if the record is another's by now. */
  check(): Promise<void>;
  /** Deletes the record and all that belongs to it. */
  erase(): Promise<void>;
}

/** What ledgers get from their replicator. */
export interface LedgerContext {
  readonly own: OwnKeys;
  /** The record's constant part. */
  readonly identity: Pick<ReplicationRecord, 'name' | 'prefix' | 'targetPrefix' | 'writer' | 'since'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Waits after a failure that may pass. Rejects for one that can't, and when the replication ends. */
  failed(error: unknown): Promise<void>;
  /** The target answered. */
  answered(): void;
}
