import { inPool } from './in-pool.js';
import type { Write } from './ledger.js';
import type { ReplicationContext } from './replication-context.js';
import type { TargetWriter } from './target-writer.js';

/**
 * Writes keys again that are gone because their lease ran out at the target. Not those that the source has changed since: these come with
 * their step, beside what else their transaction has changed.
 *
 * @param done the source's revision up to where its steps are carried over
 */
export async function repairLost(
  lost: readonly string[],
  done: number,
  { target, own, ledger, supervision, signal }: ReplicationContext,
  writer: TargetWriter,
): Promise<void> {
  // Not after another replicator has taken over: a lease that is granted here would look to it like its own one, alive.
  await ledger.check();
  const writes: Write[] = [];
  await inPool(lost, async (key) => {
    if (own.get(key)?.lease === undefined) return;
    const there = await supervision.retry('target', () => target.get(key, { signal }));
    const want = writer.wantedAt(key);
    if (there !== undefined || want === undefined || want.entry.modRevision > done) return;
    writes.push({ ...(await writer.putOf(key, want)), over: 0 });
  });
  await writer.commitBeside(writes);
}
