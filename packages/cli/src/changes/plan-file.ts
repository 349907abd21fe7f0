import { rename, rm, writeFile } from 'node:fs/promises';
import type { ConfigStore } from '@holdfast/store';
import { decodeUtf8, encodeUtf8, messageOf } from '@holdfast/store/adapter';
import { conflict, usage } from '../exit/command-error.js';
import type { OpenStore, Session } from '../session.js';
import { readKeys } from '../store/read-state.js';
import { inline, quoted } from '../text/inline.js';
import { valueJson } from '../text/json.js';
import { changesBetween, type Change, type ChangeSet, type LeftOut } from './change.js';

const FORMAT = 'holdfast-plan';
const VERSION = 1;

/** A change as a plan has it: guarded by the revision that was seen. */
interface PlannedChange {
  readonly key: string;
  /** The revision of the entry before; 0 where there was none. */
  readonly modRevision: number;
  readonly value?: string;
  readonly valueBase64?: string;
}

/** What was seen, and what is to become of it. */
export interface Plan {
  readonly format: typeof FORMAT;
  readonly version: number;
  readonly store: string;
  /** The identity of the store's history. */
  readonly identity: string;
  readonly changes: readonly PlannedChange[];
  readonly leftOut: readonly LeftOut[];
}

/** Saves a plan, for its owner's eyes alone: it has the values. It is there whole, or not at all. */
export async function savePlan(
  session: Session,
  file: string,
  { store, label }: OpenStore,
  { changes, leftOut }: ChangeSet,
): Promise<void> {
  const plan: Plan = {
    format: FORMAT,
    version: VERSION,
    store: label,
    identity: await identityOf(store, changes, session.signal),
    changes: changes.map(({ key, before, after }) => ({
      key,
      modRevision: before?.modRevision ?? 0,
      ...(after !== undefined && valueJson(after)),
    })),
    leftOut,
  };
  const beside = `${file}.${process.pid}.tmp`;
  try {
    await writeFile(beside, `${JSON.stringify(plan, null, 2)}\n`, { mode: 0o600 });
    await rename(beside, file);
  } catch (error) {
    await rm(beside, { force: true });
    throw usage(`the plan ${quoted(file)} can't be written: ${messageOf(error)}`, 'Check its folder, and its space.');
  }
}

/** Any read tells the identity. */
async function identityOf(store: ConfigStore, changes: readonly Change[], signal: AbortSignal): Promise<string> {
  const [first] = changes;
  if (first === undefined) return '';
  return (await store.list({ key: first.key }, { countOnly: true, signal })).bookmark.identity;
}

/** @throws CommandError if the bytes are no plan */
export function parsePlan(bytes: Uint8Array, file: string): Plan {
  try {
    const plan = JSON.parse(decodeUtf8(bytes) ?? '') as Partial<Plan> | null;
    if (plan?.format !== FORMAT) throw new Error('it is no plan');
    if (plan.version !== VERSION) throw new Error(`it is a plan of version ${String(plan.version)}`);
    const { changes, identity } = plan;
    if (!Array.isArray(changes) || typeof identity !== 'string' || !changes.every(isPlanned)) {
      throw new Error('it was changed by hand');
    }
    return { ...plan, leftOut: [] as LeftOut[] } as Plan;
  } catch (error) {
    throw usage(
      `the plan ${quoted(file)} can't be used: ${inline(messageOf(error))}`,
      'Make a new one with "holdfast diff FOLDER --out PLAN".',
    );
  }
}

function isPlanned(change: unknown): change is PlannedChange {
  if (typeof change !== 'object' || change === null) return false;
  const { key, modRevision, value, valueBase64 } = change as Record<string, unknown>;
  return (
    typeof key === 'string' &&
    Number.isSafeInteger(modRevision) &&
    ['string', 'undefined'].includes(typeof value) &&
    ['string', 'undefined'].includes(typeof valueBase64)
  );
}

/**
 * The changes of a plan, where the store is still as the plan has seen it.
 *
 * @throws CommandError `conflict` if a key was changed since, or if it is another store
 */
export async function plannedChanges(session: Session, { store, label }: OpenStore, plan: Plan): Promise<ChangeSet> {
  const next = 'Make a new plan with "holdfast diff", and look at it.';
  const wanted = new Map(plan.changes.map((change) => [change.key, valueOf(change)]));
  const entries = await readKeys(session, store, [...wanted.keys()]);
  const all = [...wanted].map(([key, after]): Change => {
    const before = entries.get(key);
    return { key, ...(before !== undefined && { before }), ...(after !== undefined && { after }) };
  });
  if (all.length > 0 && (await identityOf(store, all, session.signal)) !== plan.identity) {
    throw conflict(`nothing was changed: the plan was made for another store than ${label}, ${plan.store}`, next);
  }
  for (const { key, modRevision } of plan.changes) {
    if ((entries.get(key)?.modRevision ?? 0) === modRevision) continue;
    throw conflict(`nothing was changed: the key ${quoted(key)} in ${label} was changed since the plan was made`, next);
  }
  const { leftOut } = changesBetween(wanted, entries, () => false);
  // A plan leaves leased keys out. One that has them was not made by "diff".
  const [leased] = leftOut;
  if (leased !== undefined) throw usage(`the plan changes the key ${quoted(leased.key)}: ${leased.reason}`, next);
  return { changes: all, leftOut: [], unchanged: 0 };
}

function valueOf({ value, valueBase64 }: PlannedChange): Uint8Array | undefined {
  if (value !== undefined) return encodeUtf8(value);
  return valueBase64 === undefined ? undefined : new Uint8Array(Buffer.from(valueBase64, 'base64'));
}

/** The values that a plan writes. */
export function plannedValues(plan: Plan): ReadonlyMap<string, Uint8Array> {
  return new Map(
    plan.changes.flatMap((change): [string, Uint8Array][] => {
      const value = valueOf(change);
      return value === undefined ? [] : [[change.key, value]];
    }),
  );
}
