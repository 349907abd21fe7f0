import { isStoreError, type Compare, type ConfigStore, type Op, type Revision } from '@holdfast/store';
import { encodeUtf8 } from '@holdfast/store/adapter';
import { conflict } from '../exit/command-error.js';
import { count, quoted } from '../text/inline.js';
import { kindOf, type Change } from './change.js';

/** What etcd takes by default, for stores that declare no limit of their own and refuse more. */
const USUAL_OPERATIONS = 128;
/** Less than etcd's 1.5 MiB for a whole request: keys stand in it twice, and everything has a frame. */
const USUAL_BYTES = 1_200_000;
const FRAME_BYTES = 64;

/** How far the changes came. */
export interface Applied {
  /** How many of the changes were made, in their order. */
  readonly done: number;
  /** The revision of the last one. */
  readonly revision?: Revision;
}

export interface ApplyOptions {
  readonly signal: AbortSignal;
  /** The store's name, for messages. */
  readonly label: string;
  /** Called after each step. */
  readonly onProgress?: (applied: Applied) => void;
}

/**
 * Makes the changes, each guarded by the entry before it. All in one transaction where the store takes it, otherwise in batches, in their
 * order. The first one that fails ends it: what is behind it is not touched. `onProgress` has told how far it came.
 *
 * @throws CommandError `conflict` naming the first key that is not as it was
 */
export async function applyChanges(
  store: ConfigStore,
  changes: readonly Change[],
  { signal, label, onProgress }: ApplyOptions,
): Promise<Applied> {
  const { transactions, maxTxnOperations, maxRequestBytes } = store.capabilities;
  const mostBytes = Math.min(maxRequestBytes ?? Infinity, USUAL_BYTES);
  let most = transactions === 'multi-key' ? (maxTxnOperations ?? changes.length) : 1;
  let applied: Applied = { done: 0 };
  while (applied.done < changes.length) {
    signal.throwIfAborted();
    const batch = batchFrom(changes, applied.done, most, mostBytes);
    try {
      const revision =
        batch.length === 1 && batch[0] !== undefined && transactions !== 'multi-key'
          ? await applyOne(store, batch[0], signal)
          : await applyBatch(store, batch, signal);
      applied = { done: applied.done + batch.length, revision };
    } catch (error) {
      if (error instanceof Unfit) throw conflictAt(error, changes.length, applied.done, label);
      // A limit that the store did not declare: it has looked at the transaction, and refused it as a whole.
      const isTooMuch = isStoreError(error, 'too-large') && error.outcome === 'not-applied' && batch.length > 1;
      if (!isTooMuch) throw error;
      most = batch.length > USUAL_OPERATIONS ? USUAL_OPERATIONS : Math.ceil(batch.length / 2);
      continue;
    }
    onProgress?.(applied);
  }
  return applied;
}

/** A guard that did not hold. */
class Unfit extends Error {
  readonly key: string;

  constructor(key: string) {
    super(key);
    this.key = key;
  }
}

function conflictAt({ key }: Unfit, total: number, done: number, label: string): Error {
  const next = 'Look at the key, and run the command again: it shows anew what is to be changed.';
  const why = `the key ${quoted(key)} in ${label} was changed by another meanwhile`;
  if (done === 0) return conflict(`nothing was changed: ${why}`, next);
  return conflict(`stopped after ${done} of ${count(total, 'change')}: ${why}. Nothing behind it was changed`, next);
}

function batchFrom(changes: readonly Change[], start: number, most: number, mostBytes: number): readonly Change[] {
  let bytes = 0;
  let end = start;
  while (end < changes.length && end - start < most) {
    const { key, after } = changes[end] as Change;
    bytes += 2 * encodeUtf8(key).length + (after?.length ?? 0) + 2 * FRAME_BYTES;
    if (bytes > mostBytes && end > start) break;
    end += 1;
  }
  return changes.slice(start, end);
}

async function applyBatch(store: ConfigStore, batch: readonly Change[], signal: AbortSignal): Promise<Revision> {
  const { succeeded, revision, results } = await store.txn(
    {
      if: batch.map(guardOf),
      then: batch.map(({ key, after }): Op =>
        after === undefined ? { type: 'delete', range: { key } } : { type: 'put', key, value: after },
      ),
      // Which of the guards did not hold is decided at the same revision, and without the values.
      else: batch.map(({ key }): Op => ({ type: 'list', range: { key }, keysOnly: true })),
    },
    { signal },
  );
  if (succeeded) return revision;
  const unfit = batch.find(({ before }, index) => {
    const result = results[index];
    return result?.type === 'list' && result.items[0]?.modRevision !== before?.modRevision;
  });
  throw new Unfit((unfit ?? batch[0])?.key ?? '');
}

function guardOf({ key, before }: Change): Compare {
  return before === undefined
    ? { key, target: 'createRevision', op: '=', value: 0 }
    : { key, target: 'modRevision', op: '=', value: before.modRevision };
}

async function applyOne(store: ConfigStore, change: Change, signal: AbortSignal): Promise<Revision> {
  const { key, before, after } = change;
  if (kindOf(change) === 'delete' && before !== undefined) {
    const result = await store.delete(key, { ifModRevision: before.modRevision, signal });
    if (!result.succeeded) throw new Unfit(key);
    return result.revision;
  }
  const guard = before === undefined ? { ifAbsent: true as const } : { ifModRevision: before.modRevision };
  const result = await store.put(key, after ?? '', { ...guard, signal });
  if (!result.succeeded) throw new Unfit(key);
  return result.revision;
}
