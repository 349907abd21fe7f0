import type { MirrorView } from '../mirror-view.js';
import type { Held } from '../outside.js';
import { goodText, isGood } from '../values.js';

/** The differences between a mirror and the servers' content, in words. Empty if there are none. */
export function contentDifferences(
  view: MirrorView,
  held: Held,
  except: (key: string) => boolean = () => false,
): string[] {
  const problems = new Map(view.mirror.problems().map((problem) => [wholeOf(view, problem), problem]));
  const differences: string[] = [];
  for (const [key, { value, modRevision, createRevision }] of held.entries) {
    if (!view.claims(key) || except(key)) continue;
    const entry = view.get(key);
    if (!isGood(value)) {
      const problem = problems.get(key);
      if (problem?.revision !== modRevision)
        differences.push(
          `${key} is bad since ${modRevision}, and is ${problem === undefined ? 'not listed' : `listed as of ${problem.revision}`}`,
        );
    } else if (entry === undefined) differences.push(`lacks ${key} of ${modRevision}`);
    else if (
      entry.modRevision !== modRevision ||
      entry.createRevision !== createRevision ||
      goodText(entry.value) !== value
    )
      differences.push(
        `has ${key} of ${entry.modRevision} (${goodText(entry.value)}) instead of ${modRevision} (${value})`,
      );
    else if (problems.has(key)) differences.push(`lists ${key}, which is good: ${problems.get(key)?.reason ?? ''}`);
  }
  for (const [key, { modRevision }] of view.entries()) {
    if (!held.entries.has(key) && !except(key)) differences.push(`has ${key} of ${modRevision}, which is not there`);
  }
  for (const key of problems.keys()) {
    if (!held.entries.has(key) && !except(key)) differences.push(`lists ${key}, which is not there`);
  }
  return differences;
}

function wholeOf(
  view: MirrorView,
  { key = '', collection }: { readonly key?: string; readonly collection?: string },
): string {
  return view.whole({ type: 'delete', key, collection: collection ?? '' } as Parameters<MirrorView['whole']>[0]);
}
