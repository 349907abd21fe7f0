import { type Bookmark, type ConfigStore, type KeyValue, StoreError } from '@holdfast/store';
import { bytesEqual } from '@holdfast/store/adapter';
import { hasLeases } from './held-leases.js';
import { inPool } from './in-pool.js';
import { isMortal } from './lease-tap.js';
import { readAll } from './read-all.js';

/** A key that is not the same in source and target. */
export interface Difference {
  /** The source's key, in full; the target's, of a key that the source does not have. */
  readonly key: string;
  readonly targetKey: string;
  readonly reason: 'missing' | 'extra' | 'value' | 'lease' | 'conflict';
}

/** What comparing everything has shown. */
export interface Verification {
  readonly isEqual: boolean;
  /** How many keys were compared. */
  readonly keys: number;
  readonly differences: readonly Difference[];
  /** How many keys there are under the target's prefix that the migration has nothing to do with. */
  readonly foreign: number;
  /** The source's state that was compared. */
  readonly bookmark: Bookmark;
}

export interface VerifyContext {
  readonly source: ConfigStore;
  readonly target: ConfigStore;
  readonly prefix: string;
  readonly targetPrefix: string;
  /** The target's key for a relative key of the source. */
  targetOf(key: string): string | undefined;
  /** The source's key, in full, of a key of the target, while the source has it, as far as the replicator has followed. */
  sourceOf(targetKey: string): string | undefined;
  /** Whether a key of the target is the migration's own. */
  isOwn(targetKey: string): boolean;
  /** Whether the key is a conflict that was told. */
  isConflict(targetKey: string): boolean;
  /** Everything that the source has by now is in the target afterwards. */
  sync(): Promise<void>;
  readonly signal: AbortSignal | undefined;
}

/** How often a key that is written all the time is looked at until it stands still for a moment. */
const MOST_LOOKS = 100;

/**
 * Compares every key at a moment at which both sides are to be equal. Keys that differ because they are being written are looked at again,
 * until the source's did not change while the target's was read.
 */
export async function verify(context: VerifyContext): Promise<Verification> {
  const { source, target, prefix, targetPrefix, signal } = context;
  await context.sync();
  const [from, to] = [await readAll(source, prefix, { signal }), await readAll(target, targetPrefix, { signal })];
  const there = new Map(to.items.map((item) => [item.key, item]));
  const suspects = new Map<string, string | undefined>();
  let keys = 0;
  let foreign = 0;
  for (const item of from.items) {
    const targetKey = context.targetOf(item.key.slice(prefix.length));
    if (targetKey === undefined) continue;
    keys += 1;
    if (differs(context, item, there.get(targetKey)) !== undefined) suspects.set(targetKey, item.key);
    there.delete(targetKey);
  }
  const differences: Difference[] = [];
  for (const targetKey of there.keys()) {
    if (!context.isOwn(targetKey)) foreign += 1;
    else suspects.set(targetKey, undefined);
  }
  const reasons = new Map<string, Difference['reason'] | undefined>();
  await inPool([...suspects], async ([targetKey, key]) => {
    reasons.set(targetKey, context.isConflict(targetKey) ? 'conflict' : await look(context, key, targetKey));
  });
  for (const [targetKey, key = targetKey] of suspects) {
    const reason = reasons.get(targetKey);
    if (reason !== undefined) differences.push({ key, targetKey, reason });
  }
  for (const { rawKey } of from.undecodable) {
    const key = new TextDecoder().decode(rawKey);
    differences.push({ key, targetKey: targetPrefix + key.slice(prefix.length), reason: 'conflict' });
  }
  return { isEqual: differences.length === 0, keys, differences, foreign, bookmark: from.bookmark };
}

/** @param listed the source's key; `undefined` where the source was listed without it */
async function look(
  context: VerifyContext,
  listed: string | undefined,
  targetKey: string,
): Promise<Difference['reason'] | undefined> {
  const { source, target, signal } = context;
  for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
    // It may have been made since.
    const key = listed ?? context.sourceOf(targetKey);
    const before = key === undefined ? undefined : await source.get(key, { signal });
    await context.sync();
    const copy = await target.get(targetKey, { signal });
    const after = key === undefined ? undefined : await source.get(key, { signal });
    if (before?.modRevision !== after?.modRevision) continue;
    const reason = differs(context, after, copy);
    if (reason !== 'extra') return reason;
    if (await isLeft(context, targetKey, copy)) return reason;
    // One of others is no surplus.
    if (!context.isOwn(targetKey)) return undefined;
  }
  throw new StoreError(
    'timeout',
    `${JSON.stringify(listed ?? targetKey)} never stood still long enough to be compared; stop its writer for a moment`,
  );
}

/** The source may have had the key for a moment, unseen: then its copy goes, or becomes another one. */
async function isLeft(context: VerifyContext, targetKey: string, copy: KeyValue | undefined): Promise<boolean> {
  await context.sync();
  if (context.sourceOf(targetKey) !== undefined || !context.isOwn(targetKey)) return false;
  const again = await context.target.get(targetKey, { signal: context.signal });
  return again !== undefined && again.modRevision === copy?.modRevision;
}

function differs(
  { source, target }: VerifyContext,
  item: KeyValue | undefined,
  copy: KeyValue | undefined,
): Difference['reason'] | undefined {
  if (item === undefined) return copy === undefined ? undefined : 'extra';
  if (copy === undefined) return 'missing';
  if (!bytesEqual(item.value, copy.value)) return 'value';
  const tellsLeases = hasLeases(target) && (source.capabilities.leases || source.capabilities.ttl);
  return tellsLeases && isMortal(item) !== (copy.lease !== undefined) ? 'lease' : undefined;
}
