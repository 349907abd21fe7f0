import { type ConfigStore, isStoreError, type KeyValue, type LeaseId } from '@holdfast/store';
import { decodeUtf8 } from '@holdfast/store/adapter';
import { numberIn, type Told } from './writer.js';

/** Seconds by which times to live may differ after the cut over. */
const TOLERATED_S = 2;

export interface Judgement {
  readonly violations: readonly string[];
  /** Leased keys that were alive in both. */
  readonly living: number;
  /** The largest difference of times to live, in seconds. */
  readonly largestDifferenceS: number;
}

/** Whether a store holds what the writers were told. */
export function judgeWrites(items: readonly KeyValue[], told: Iterable<readonly [string, Told]>): readonly string[] {
  const there = new Map(items.map(({ key, value }) => [key, numberIn(decodeUtf8(value) ?? '')]));
  const wrong: string[] = [];
  for (const [key, { number, exists, perhaps }] of told) {
    const found = there.get(key);
    const fits = (state: { readonly number: number; readonly exists: boolean }) =>
      state.exists ? found === state.number : found === undefined;
    if (fits({ number, exists }) || (perhaps !== undefined && fits(perhaps))) continue;
    const expected = exists ? `holds #${number}` : `was deleted by #${number}`;
    wrong.push(
      `${key} ${expected} by what its writer was told, and ${found === undefined ? 'is gone' : `holds #${found}`}`,
    );
  }
  return wrong;
}

/** When a key ends, in milliseconds since the epoch: at a moment between these two. */
interface End {
  readonly earliest: number;
  readonly latest: number;
}

/** Whether each leased key that lives in the source lives in the target, as long, and no other. */
export async function judgeLeases(
  source: ConfigStore,
  target: ConfigStore,
  prefix: string,
  isLeased: (key: string) => boolean,
): Promise<Judgement> {
  const [before, after] = [await endsOf(source, prefix, isLeased), await endsOf(target, prefix, isLeased)];
  const violations: string[] = [];
  const soon = Date.now() + TOLERATED_S * 1_000;
  let living = 0;
  let largest = 0;
  for (const [key, end] of before) {
    const there = after.get(key);
    if (there === undefined) {
      if (end.earliest > soon)
        violations.push(`${key} lives in the ${source.name} store, and is gone in the other one`);
      continue;
    }
    living += 1;
    // At least so much: both tell whole seconds.
    const difference = Math.max(0, there.earliest - end.latest, end.earliest - there.latest) / 1_000;
    largest = Math.max(largest, difference);
    if (difference > TOLERATED_S) violations.push(`the times to live of ${key} differ by ${difference} s`);
  }
  for (const [key, { earliest }] of after) {
    if (!before.has(key) && earliest > soon) violations.push(`${key} has ended, and lives in the ${target.name} store`);
  }
  return { violations, living, largestDifferenceS: Math.round(largest * 10) / 10 };
}

/** When each leased key ends: never, for one without a lease. */
async function endsOf(
  store: ConfigStore,
  prefix: string,
  isLeased: (key: string) => boolean,
): Promise<ReadonlyMap<string, End>> {
  const ends = new Map<string, End>();
  const ofLease = new Map<LeaseId, End | undefined>();
  const { items } = await store.list({ prefix });
  for (const { key, lease, expiresAt = Infinity } of items) {
    if (!isLeased(key)) continue;
    if (lease !== undefined && !ofLease.has(lease)) ofLease.set(lease, await endOf(store, lease));
    const end = lease === undefined ? { earliest: expiresAt, latest: expiresAt } : ofLease.get(lease);
    if (end !== undefined) ends.set(key, end);
  }
  return ends;
}

async function endOf(store: ConfigStore, lease: LeaseId): Promise<End | undefined> {
  const asked = Date.now();
  try {
    const { ttl } = await store.leases.timeToLive(lease);
    return { earliest: asked + ttl * 1_000, latest: Date.now() + (ttl + 1) * 1_000 };
  } catch (error) {
    if (isStoreError(error, 'lease-not-found')) return undefined;
    throw error;
  }
}
