import type { Revision } from './revision.js';

export interface StoreMember {
  readonly id: string;
  readonly name?: string;
  readonly endpoints: readonly string[];
  readonly isLearner?: boolean;
}

/** The store's report on itself, for people and dashboards. It never holds secrets. */
export interface StoreStatus {
  /** The backend's version, such as `3.5.30`. Absent if this user may not know it, and then other optional fields may be absent too. */
  readonly version?: string;
  readonly members: readonly StoreMember[];
  /** The id of the leading member, if there is one. */
  readonly leader?: string;
  /** The head of the history. */
  readonly revision: Revision;
  /** The history's identity, as in bookmarks. */
  readonly identity: string;
  /** The size of the data in bytes, if the backend gives it. */
  readonly sizeBytes?: number;
  /** How much of {@link sizeBytes} holds data. The rest is free space in the store's files. */
  readonly sizeInUseBytes?: number;
  /** What the store says is wrong with it, in its own words, such as `alarm:NOSPACE`. Absent if the backend or this user can't tell. */
  readonly alarms?: readonly string[];
  /** Raft's election term, if there is one. */
  readonly raftTerm?: number;
  /** The endpoint that answered, if there are several. */
  readonly endpoint?: string;
}
