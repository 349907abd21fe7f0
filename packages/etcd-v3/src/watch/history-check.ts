import type { Bookmark } from '@holdfast/store';
import type { RawHeader } from '../protobuf/header.js';
import type { LinearizableHead } from '../connection/transport.js';

/** The history that a watch follows. */
export interface KnownHistory {
  readonly bookmark: Bookmark;
  /** The highest raft term that this watch has seen. */
  readonly raftTerm: number;
}

/**
 * Why a member's `created` answer may be of another history than the bookmark; `undefined` if nothing speaks for that. It is only a
 * suspicion (C13): a lagging follower has an old head (docs/traps.md#trap-16).
 *
 * @param seenRevision how far another watch of the same history has come
 */
export function suspicionOf(created: RawHeader, known: KnownHistory, seenRevision = 0): string | undefined {
  const { bookmark, raftTerm } = known;
  // A proxy may leave the id out.
  if (created.clusterId !== '0' && created.clusterId !== bookmark.identity) {
    return `cluster id ${created.clusterId} instead of ${bookmark.identity}`;
  }
  if (created.revision < bookmark.revision) return `head ${created.revision} below bookmark ${bookmark.revision}`;
  if (created.revision < seenRevision) return `head ${created.revision} below ${seenRevision}, which was seen`;
  if (created.raftTerm !== 0 && created.raftTerm < raftTerm) return `raft term ${created.raftTerm} below ${raftTerm}`;
  return undefined;
}

/**
 * The proof (C13): why a linearizable read shows another history; `undefined` if it shows the same one. Then only the member was
 * behind.
 */
export function proofOfOtherHistory(head: LinearizableHead, known: KnownHistory): string | undefined {
  const { bookmark, raftTerm } = known;
  if (head.clusterId !== bookmark.identity) return `the cluster is ${head.clusterId}, no longer ${bookmark.identity}`;
  if (head.revision < bookmark.revision) {
    return `a linearizable read is at revision ${head.revision}, below ${bookmark.revision}`;
  }
  if (head.raftTerm < raftTerm) return `the raft term went back from ${raftTerm} to ${head.raftTerm}`;
  return undefined;
}
