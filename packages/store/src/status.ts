import type { Revision } from './revision.js';

export interface StoreMember {
  readonly id: string;
  readonly name?: string;
  readonly endpoints: readonly string[];
  readonly isLearner?: boolean;
}

/** What the store says of itself, for people and dashboards. Never holds secrets. */
export interface StoreStatus {
  /** The backend's version, such as `3.5.16`. */
  readonly version: string;
  readonly members: readonly StoreMember[];
  /** The id of the member that leads, where there is one. */
  readonly leader?: string;
  /** The head of the history. */
  readonly revision: Revision;
  /** The history's identity, as in bookmarks. */
  readonly identity: string;
  /** The size of the data in bytes, where the backend tells. */
  readonly sizeBytes?: number;
  /** Raft's election term, where there is one. */
  readonly raftTerm?: number;
  /** The member that answered, where there are several. */
  readonly endpoint?: string;
}
