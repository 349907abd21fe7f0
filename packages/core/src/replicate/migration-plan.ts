import type { ConfigStore, KeyValue } from '@holdfast/store';
import { bytesEqual, checkStorableKey, checkStorableValue, toStoreError } from '@holdfast/store/adapter';
import { type Conflict, describeConflict } from './conflict.js';
import { KeyMap } from './key-map.js';
import { isMortal } from './lease-tap.js';
import type { Ledger } from './ledger.js';
import { type MigrationStage, noteOf } from './migration-note.js';
import type { Settings } from './options.js';
import { readAll } from './read-all.js';

/** What a migration would do. */
export interface MigrationPlan {
  readonly stage: MigrationStage;
  /** The step to take next. */
  readonly next: 'copy' | 'cutOver' | 'finish';
  readonly source: { readonly keys: number; readonly bytes: number; readonly leased: number };
  /** What `copy()` would write in the target by now. */
  readonly writes: { readonly create: number; readonly update: number; readonly delete: number };
  /** Keys under the target's prefix that are not the migration's own. */
  readonly foreign: number;
  readonly conflicts: readonly Conflict[];
  /** Whether the fence in the source is a part of each write. Elsewhere, such as on etcd v2, the writers have to be stopped too. */
  readonly isFenceTight: boolean;
}

export interface PlanOptions {
  readonly source: ConfigStore;
  readonly target: ConfigStore;
  readonly settings: Settings;
  readonly ledger: Ledger;
}

/** Says what a migration would do, and changes nothing. */
export async function planMigration({ source, target, settings, ledger }: PlanOptions): Promise<MigrationPlan> {
  const { prefix, places, mapKey, signal } = settings;
  const stage = noteOf((await ledger.peek())?.migration)?.stage ?? 'none';
  const from = await readAll(source, prefix, { signal });
  const there = await ledger.read();
  const copies = new Map(there.items.map((item) => [item.key, item]));
  const keys = new KeyMap(mapKey, prefix, places.prefix);
  const conflicts: Conflict[] = [];
  const writes = { create: 0, update: 0, delete: 0 };
  let [bytes, leased] = [0, 0];
  for (const item of from.items) {
    bytes += item.value.length;
    if (isMortal(item)) leased += 1;
    const relative = item.key.slice(prefix.length);
    const targetKey = keys.target(relative);
    if (targetKey === undefined) continue;
    keys.take(targetKey, relative);
    const copy = copies.get(targetKey);
    copies.delete(targetKey);
    const conflict = conflictOf(target, item, targetKey, copy, copy !== undefined && there.isOwn(copy));
    if (conflict !== undefined) conflicts.push(conflict);
    else if (copy === undefined) writes.create += 1;
    else if (!bytesEqual(copy.value, item.value)) writes.update += 1;
  }
  let foreign = 0;
  for (const copy of copies.values()) {
    if (there.isOwn(copy)) writes.delete += 1;
    else foreign += 1;
  }
  return {
    stage,
    next: stage === 'cut-over' || stage === 'retreated' ? 'finish' : stage === 'none' ? 'copy' : 'cutOver',
    source: { keys: from.items.length, bytes, leased },
    writes,
    foreign,
    conflicts,
    isFenceTight: source.capabilities.transactions === 'multi-key',
  };
}

function conflictOf(
  target: ConfigStore,
  item: KeyValue,
  targetKey: string,
  copy: KeyValue | undefined,
  isOwn: boolean,
): Conflict | undefined {
  const { capabilities } = target;
  const base = { key: item.key, targetKey, revision: item.modRevision, resolution: 'left' } as const;
  let reason: 'key' | 'value' = 'key';
  try {
    checkStorableKey(targetKey, capabilities);
    reason = 'value';
    checkStorableValue(item.value, capabilities, targetKey);
  } catch (error) {
    return { ...base, reason, message: describeConflict(reason, targetKey, toStoreError(error).message) };
  }
  if (copy === undefined || isOwn || (bytesEqual(copy.value, item.value) && !isMortal(copy))) return undefined;
  const message = describeConflict('exists', targetKey);
  return { ...base, reason: 'exists', message, targetRevision: copy.modRevision };
}
