import type { SnapshotContent } from '@holdfast/core/file-snapshot';
import { decodeUtf8 } from '@holdfast/store/adapter';
import type { Layout } from '../mirrors/opened-mirror.js';
import { isGood } from '../plans/values.js';
import type { Epoch } from '../truth/truth.js';

/** How a file differs from a history's state; `undefined` if it does not. */
export function fileDifference(
  { entries, problems }: SnapshotContent,
  epoch: Epoch,
  revision: number,
  { claims }: Layout,
): string | undefined {
  const held = new Map(entries.map((entry) => [entry.key, entry]));
  const bad = new Map(problems.map((problem) => [problem.key ?? '', problem]));
  for (const key of epoch.keys) {
    if (!claims(key)) continue;
    const version = epoch.at(key, revision);
    const entry = held.get(key);
    const problem = bad.get(key);
    if (version === undefined) {
      if (entry !== undefined || problem !== undefined) return `${key} is gone, and in the file`;
    } else if (isGood(version.text)) {
      if (problem !== undefined) return `${key} is a problem in the file, and good`;
      if (entry?.modRevision !== version.modRevision) return `${key} is of ${version.modRevision}`;
      if (decodeUtf8(entry.value) !== version.text) return `${key} has another value`;
    } else if (problem === undefined && entry?.modRevision !== version.modRevision) {
      return `${key} is bad, and no problem in the file`;
    }
  }
  for (const key of held.keys()) if (claims(key) && !epoch.keys.has(key)) return `${key} was never there`;
  return undefined;
}
