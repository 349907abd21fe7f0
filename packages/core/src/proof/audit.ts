import type { Page } from '@holdfast/store';
import type { FollowContext } from './follow-context.js';
import type { Table } from '../table/table.js';
import { ScanCheck } from '../util/answers.js';

/**
 * Compares everything with the store, in the background (M8): what fingerprints can't tell. The table goes on changing
 * meanwhile; a key that changed after the audit's revision is not compared, since it is newer than what was read.
 */
export async function audit(follow: FollowContext): Promise<void> {
  const { core, signal } = follow;
  await follow.verified();
  const deleted = new Set<string>();
  core.table.recordDeletions(deleted);
  const { readSteps } = core;
  const since: Since = { revision: core.table.revision, deleted, wasSkipped: () => core.readSteps !== readSteps };
  try {
    if (await isEqual(follow, since)) return;
    core.settings.logger.warn('mirror: the audit found a difference; reading everything again', {
      range: core.settings.range.toString(),
    });
    // Nothing that the mirror followed can have led here: take nothing about the history for granted.
    follow.end({ reason: 'audit', newHistory: true });
  } finally {
    core.table.recordDeletions(undefined);
  }
  signal.throwIfAborted();
}

/** What has become of the table since the audit began. */
interface Since {
  /** Where it was. */
  readonly revision: number;
  readonly deleted: ReadonlySet<string>;
  /** Whether reads have taken it further: what came and went in between, it never had. */
  readonly wasSkipped: () => boolean;
}

async function isEqual({ core, signal }: FollowContext, since: Since): Promise<boolean> {
  const { livenessMs, range } = core.settings;
  const seen = new Set<string>();
  let revision = 0;
  let unreadable = 0;
  let equal = true;
  await core.read('the audit', livenessMs, signal, async (deadline) => {
    const check = new ScanCheck(range);
    for await (const page of core.store.scan(range.toRange(), { signal: deadline.signal })) {
      deadline.extend();
      check.begin(page);
      revision = page.bookmark.revision;
      if (page.bookmark.identity !== core.table.bookmark?.identity) equal = false;
      // The proofs bring it there, also where nothing in the range changes.
      if (core.table.revision < revision) core.wanted.set(core.evidence.begin().ticket);
      await core.position.until(revision, deadline.signal);
      for (let index = 0; index < page.length && equal; index++) {
        const key = page.key(index);
        check.key(key, page.modRevision(index));
        seen.add(key);
        equal = isKeyEqual(core.table, page, index, since);
      }
      unreadable += page.undecodable.length;
      if (!equal) return;
    }
    check.end(seen.size + unreadable);
  });
  return equal && hasNoOthers(core.table, seen, revision);
}

function isKeyEqual(table: Table, page: Page, index: number, since: Since): boolean {
  const key = page.key(index);
  const collection = table.layout.find(key);
  const relative = collection?.relative(key) ?? key;
  const known =
    collection === undefined ? table.others.get(key)?.modRevision : collection.revisions(relative)?.modRevision;
  if (known === undefined)
    return since.deleted.has(key) || (page.modRevision(index) > since.revision && since.wasSkipped());
  if (known > page.bookmark.revision) return true;
  const version = page.version(index);
  return table.holds({
    key,
    value: page.value(index),
    modRevision: page.modRevision(index),
    createRevision: page.createRevision(index),
    ...(version === undefined ? {} : { version }),
  });
}

function hasNoOthers(table: Table, seen: ReadonlySet<string>, revision: number): boolean {
  for (const collection of table.collections) {
    for (const [relative, known] of collection.storeRevisions()) {
      if (known <= revision && !seen.has(collection.absolute(relative))) return false;
    }
  }
  for (const [key, { modRevision }] of table.others) if (modRevision <= revision && !seen.has(key)) return false;
  return true;
}
