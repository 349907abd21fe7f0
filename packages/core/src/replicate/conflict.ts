import { StoreError, type Revision } from '@holdfast/store';
import { quoted } from '@holdfast/store/adapter';

/**
 * Why a key was not carried over:
 * - `'exists'`: the target has a key that the replication did not write;
 * - `'changed'`, `'deleted'`: others have changed or deleted what it wrote;
 * - `'key'`, `'value'`: the target can't store such a key or value;
 * - `'not-utf8'`: the source's key is not UTF-8.
 */
export type ConflictReason = 'exists' | 'changed' | 'deleted' | 'key' | 'value' | 'not-utf8';

/** A key that differs in source and target, and that the replication may not or can't make equal. */
export interface Conflict {
  /** The source's key, in full. Of a key that is not UTF-8, its bytes as text with replacement characters. */
  readonly key: string;
  /** The target's key, in full. */
  readonly targetKey: string;
  readonly reason: ConflictReason;
  /** In a sentence: what is wrong, and what to do. */
  readonly message: string;
  /** The revision of the source's key; absent where the source has deleted it. */
  readonly revision?: Revision;
  /** The revision of the target's key, if it is there. */
  readonly targetRevision?: Revision;
  /** What was done: the target's key was left as it is, or was overwritten by the policy `'overwrite'`. */
  readonly resolution: 'left' | 'overwritten';
}

/** The replication ended because of conflicts, with the policy `'stop'`. */
export class ReplicationConflictError extends StoreError {
  override readonly name = 'ReplicationConflictError';
  readonly conflicts: readonly Conflict[];

  constructor(conflicts: readonly Conflict[]) {
    super('conflict', messageFor(conflicts), { outcome: 'not-applied' });
    this.conflicts = conflicts;
  }
}

const SHOWN = 3;

function messageFor(conflicts: readonly Conflict[]): string {
  const first = conflicts.slice(0, SHOWN).map(({ message }) => message);
  const more = conflicts.length > SHOWN ? `; and ${conflicts.length - SHOWN} more` : '';
  return (
    `the replication stopped at ${conflicts.length === 1 ? 'a conflict' : `${conflicts.length} conflicts`}: ` +
    `${first.join('; ')}${more}; mend them, or choose onConflict 'skip' or 'overwrite'`
  );
}

/** The sentence of a conflict. */
export function describeConflict(reason: ConflictReason, targetKey: string, why?: string): string {
  const key = quoted(targetKey);
  switch (reason) {
    case 'exists':
      return `the target has ${key} from somebody else; delete it there, or overwrite it`;
    case 'changed':
      return `somebody else has changed ${key} in the target`;
    case 'deleted':
      return `somebody else has deleted ${key} in the target`;
    case 'key':
    case 'value':
      return `the target can't store ${key}: ${why ?? 'it refuses it'}`;
    case 'not-utf8':
      return `the key ${key} is not UTF-8; rename it in the source`;
    default:
      return reason satisfies never;
  }
}
