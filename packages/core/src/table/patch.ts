import type { Bookmark, KeyValue, UndecodableKey } from '@holdfast/store';
import type { ApplyOptions } from './apply.js';
import { Edits } from './edits.js';
import { checkContinues } from './history.js';
import type { Step } from '../events/step.js';
import type { Table } from './table.js';
import { hexOf } from './undecodable-keys.js';

/** What changed in a range since a revision, as a read at a later revision tells it. */
export interface Delta {
  readonly bookmark: Bookmark;
  /** How many keys the range holds at that revision. */
  readonly total: number;
  /** The revision of the mirror's newest entry when it was asked for. */
  readonly since?: number | undefined;
  /** Everything changed at or after that, the newest entry included. */
  readonly items: readonly KeyValue[];
  readonly undecodable: readonly UndecodableKey[];
}

/** All keys of a range, at the revision of a delta: what finds out which were deleted. */
export interface KeySet {
  readonly keys: ReadonlySet<string>;
  /** Those that are not UTF-8, in hex. */
  readonly undecodable: ReadonlySet<string>;
}

/**
 * How the table compares with a delta read from the same history.
 * `covered`: the table is there already. `equal`: nothing changed up to the delta's revision. `mismatch`: no history of the
 * store leads from the one to the other. `changed`: something did, and `deletions` says whether keys are missing too. `outdated`: the
 * entry that it was to be told by was deleted in the table meanwhile, and nothing can be said.
 */
export type Comparison =
  | { readonly kind: 'covered' | 'equal' | 'mismatch' | 'outdated' }
  | { readonly kind: 'changed'; readonly deletions: boolean };

export function compareWithDelta(table: Table, delta: Delta): Comparison {
  const revision = table.revision;
  if (delta.bookmark.revision <= revision) return { kind: 'covered' };
  let changed = 0;
  let created = 0;
  for (const item of delta.items) {
    if (item.modRevision > revision) {
      changed += 1;
      if (!table.has(item.key)) created += 1;
    } else if (!table.holds(item)) {
      return { kind: 'mismatch' };
    }
  }
  for (const key of delta.undecodable) {
    if (key.revision > revision) {
      changed += 1;
      if (!table.undecodable.includes(key.rawKey)) created += 1;
    } else if (!table.holdsUndecodable(key)) {
      return { kind: 'mismatch' };
    }
  }
  // Keys that are gone were known and are not counted: arithmetic tells how many there are.
  const deleted = table.count + created - delta.total;
  if (deleted < 0) return { kind: 'mismatch' };
  if (changed > 0 || deleted > 0) return { kind: 'changed', deletions: deleted > 0 };
  // Where nothing changed, the newest entry itself is in the answer: without it, this is a history in which it is something else.
  const isAnswered = delta.items.length + delta.undecodable.length > 0;
  if (table.count === 0 || isAnswered) return { kind: 'equal' };
  return { kind: (table.fingerprint().newest ?? 0) < (delta.since ?? 0) ? 'outdated' : 'mismatch' };
}

export interface PatchOptions extends ApplyOptions {
  /** What is found out while the step is prepared. If it is `false`, no step is made. */
  readonly confirmed?: Promise<boolean>;
  /** Asked in the turn in which the step would be made. If it is `false`, no step is made, because what was read is out of date. */
  readonly isCurrent?: () => boolean;
}

/**
 * The verb `patch`: brings the table to a delta's revision. The caller has compared them under the same lock, and has
 * proved that both are of one history.
 *
 * @param present all keys at that revision; needed where there were deletions
 */
export async function patch(
  table: Table,
  delta: Omit<Delta, 'total'>,
  present: KeySet | undefined,
  { signal, confirmed, isCurrent, tell }: PatchOptions = {},
): Promise<Step | undefined> {
  const after = table.revision;
  if (delta.bookmark.revision <= after) return undefined;
  checkContinues(delta.bookmark, table.bookmark);
  const items = delta.items.filter(({ modRevision }) => modRevision > after);
  const prepared = await table.prepareAll(items);
  const gone = present === undefined ? [] : await table.keysBeside(present.keys);
  if ((await confirmed) === false) return undefined;
  signal?.throwIfAborted();
  if (isCurrent?.() === false) return undefined;
  const edits = new Edits(table);
  edits.putUndecodable(delta.undecodable);
  items.forEach((item, index) => {
    edits.put(item, prepared[index], table.continues(knownRevisions(table, item.key), item.createRevision));
  });
  for (const key of gone) edits.remove(key);
  if (present !== undefined) {
    table.undecodable.retain((rawKey) => present.undecodable.has(hexOf(rawKey)));
  }
  const step = table.finish(delta.bookmark, edits.finish());
  table.recent.skipTo(delta.bookmark.revision);
  tell?.(step);
  return step;
}

function knownRevisions(table: Table, key: string) {
  const collection = table.layout.find(key);
  return collection?.revisions(collection.relative(key));
}
