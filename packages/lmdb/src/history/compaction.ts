import { compactedError, futureRevision } from '@holdfast/adapter-kit';
import { decodeChange, replacedKey, revisionOfChangeKey } from '../data/records.js';
import type { StoreState } from '../data/state.js';
import type { Mark, Tables } from '../database/tables.js';

/**
 * Closes the history before a revision: from now on it can't be read or watched.
 *
 * @throws StoreError `compacted`, `future-revision`
 */
export function closeHistory(state: StoreState, revision: number): void {
  const { head } = state;
  if (revision <= state.compacted) throw compactedError(revision, state.compacted, head, 'not-applied');
  if (revision > head) throw futureRevision(revision, head, 'not-applied');
  state.compacted = revision;
  if (state.lost !== undefined && state.lost[1] <= revision) state.lost = undefined;
}

/** Whether there are changes that a compaction has closed, and that take space still. */
export function hasClosed({ changes }: Tables, { compacted: upTo }: StoreState): boolean {
  for (const place of changes.getKeys({ limit: 1 })) return revisionOfChangeKey(place) <= upTo;
  return false;
}

/** Frees up to `most` changes that a compaction closed, whoever did that. Gives how many. */
export function reclaim({ changes, replaced }: Tables, { compacted: upTo }: StoreState, most: number): number {
  const closed: { readonly place: Uint8Array; readonly old: Uint8Array | undefined }[] = [];
  for (const { key: place, value } of changes.getRange({ limit: most })) {
    const { revision, key, previous } = decodeChange(place, value);
    if (revision > upTo) break;
    closed.push({ place, old: previous === 0 ? undefined : replacedKey(key, previous) });
  }
  for (const { place, old } of closed) {
    if (old !== undefined) replaced.removeSync(old);
    changes.removeSync(place);
  }
  return closed.length;
}

/** Up to which revision the history is to be closed now, or `undefined`. */
export function dueCompaction(
  state: StoreState,
  marks: readonly Mark[],
  nowMs: number,
  { revisions, ageMs }: { readonly revisions: number; readonly ageMs: number | undefined },
): number | undefined {
  const byNumber = oldestKept(state, revisions);
  const old = ageMs === undefined ? undefined : marks.findLast(({ uptimeMs }) => uptimeMs <= nowMs - ageMs);
  const due = Math.max(byNumber, old?.head ?? 0);
  // In steps: a compaction for each revision would double the writes.
  const step = old !== undefined && old.head > state.compacted ? 1 : Math.max(1, Math.floor(revisions / 10));
  return due - state.compacted >= step && due >= 1 ? due : undefined;
}

/** The oldest revision that is kept, where a number of them is. Those that were never given don't count. */
function oldestKept({ head, lost }: StoreState, revisions: number): number {
  if (lost === undefined) return head - revisions;
  const [after, before] = lost;
  const since = head - before;
  return since >= revisions ? head - revisions : after - (revisions - since);
}
