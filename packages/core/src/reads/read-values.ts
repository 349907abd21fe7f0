import type { ConfigStore, KeyValue, Op, Revision } from '@holdfast/store';
import type { Runtime } from '../runtime/runtime.js';
import { readChanges } from './read-delta.js';
import type { RevisionDiff } from '../table/revision-diff.js';

/** The most keys that are read one by one. For a delta, etcd walks the whole range. */
const MOST_KEYS = 512;
/** The most operations that etcd accepts in a transaction by default. */
const TXN_OPERATIONS = 128;

/**
 * Reads the values that a resync needs, as of `revision`: those of the changed keys, and those of the newest unchanged keys. It may
 * return more unchanged keys than were asked for.
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

/** How many operations a transaction may have. */
export function operationsAtOnce({ capabilities }: ConfigStore): number {
  return Math.min(TXN_OPERATIONS, capabilities.maxTxnOperations ?? TXN_OPERATIONS);
}

/** The entries of those of these keys that exist. */
async function readKeys(
  { store }: Runtime,
  keys: readonly string[],
  revision: Revision,
  signal: AbortSignal,
): Promise<readonly KeyValue[]> {
  const most = operationsAtOnce(store);
  const found: KeyValue[] = [];
  for (let from = 0; from < keys.length; from += most) {
    const reads = keys.slice(from, from + most).map((key): Op => ({ type: 'list', range: { key }, revision }));
    const { results } = await store.txn({ then: reads }, { signal });
    for (const result of results) if (result.type === 'list') found.push(...result.items);
  }
  return found;
}
