import type { KeyValue, Op, Revision } from '@holdfast/store';
import type { Runtime } from '../runtime/runtime.js';
import { readChanges } from './read-delta.js';
import type { RevisionDiff } from '../table/revision-diff.js';

/** Up to how many keys are asked for one by one; etcd reads through all of a range to find what changed in it. */
const MOST_KEYS = 512;
/** How many operations of a transaction etcd takes unless it is told otherwise. */
const TXN_OPERATIONS = 128;

/**
 * What a resync must see the values of: what was changed, and the newest of what was not, as of `revision`. There may be more of the
 * latter than was asked for.
 */
export async function readValues(
  runtime: Runtime,
  { changed, sample }: RevisionDiff,
  revision: Revision,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<readonly KeyValue[]> {
  const keys = [...changed.keys(), ...sample.map(({ key }) => key)];
  if (keys.length <= MOST_KEYS && runtime.store.capabilities.transactions === 'multi-key') {
    return runtime.read('the read of values', timeoutMs, signal, (deadline) =>
      readKeys(runtime, keys, revision, deadline.signal),
    );
  }
  const minModRevision = sample.at(-1)?.revision ?? revision;
  return (await readChanges(runtime, { revision, minModRevision, timeoutMs }, signal)).items;
}

/** The entries of these keys, as far as they are there. */
async function readKeys(
  { store }: Runtime,
  keys: readonly string[],
  revision: Revision,
  signal: AbortSignal,
): Promise<readonly KeyValue[]> {
  const most = Math.min(TXN_OPERATIONS, store.capabilities.maxTxnOperations ?? TXN_OPERATIONS);
  const found: KeyValue[] = [];
  for (let from = 0; from < keys.length; from += most) {
    const reads = keys.slice(from, from + most).map((key): Op => ({ type: 'list', range: { key }, revision }));
    const { results } = await store.txn({ then: reads }, { signal });
    for (const result of results) if (result.type === 'list') found.push(...result.items);
  }
  return found;
}
