import type { Epoch } from '../truth/truth.js';
import { FROM, HANDED, type ReplicationPlan, TO } from './plan.js';

/** The option `mapKey` of a world that renames keys, leaves some out, and gives two of them one name. */
export function mapKey(key: string): string | undefined {
  if (key.startsWith('tmp/')) return undefined;
  if (HANDED.includes(key)) return 'h';
  return key.startsWith('d/') ? `e/${key.slice('d/'.length)}` : key;
}

/** The target's key of a key of the source, both in full; `undefined` for one that is left out. */
export function targetOf({ isMapped }: Pick<ReplicationPlan, 'isMapped'>, key: string): string | undefined {
  if (!key.startsWith(FROM)) return undefined;
  const name = key.slice(FROM.length);
  const mapped = isMapped ? mapKey(name) : name;
  return mapped === undefined ? undefined : TO + mapped;
}

/** What the target has if it is equal to the source as it was at a revision: key → text. */
export function mappedAt(plan: ReplicationPlan, epoch: Epoch, revision: number): Map<string, string> {
  const wanted = new Map<string, string>();
  for (const key of epoch.keys) {
    const target = targetOf(plan, key);
    const version = target === undefined ? undefined : epoch.at(key, revision);
    if (target !== undefined && version !== undefined) wanted.set(target, version.text);
  }
  return wanted;
}
