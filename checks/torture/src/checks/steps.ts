import type { Violation } from '@holdfast/testkit';
import type { Epoch } from '../epoch.js';
import type { TakenStep } from '../mirror-probe.js';
import type { Shown } from '../mirror-view.js';
import { goodText, isGood } from '../values.js';

/** The most violations of one check: a wrong state stays wrong for many steps. */
const MOST_VIOLATIONS = 3;

export interface StepsToCheck {
  readonly name: string;
  readonly claims: (key: string) => boolean;
  readonly steps: readonly TakenStep[];
  /** The mirror's content before the first step. It is updated to the last one. */
  readonly shown: Map<string, Shown>;
  /** All histories so far: a last good value may come from an older one. */
  readonly epochs: readonly Epoch[];
  /** The histories that the steps may belong to, in order. */
  readonly possible: readonly Epoch[];
}

/**
 * *Equal at every step*: after each step a mirror shows the store's state at the step's bookmark. For a key with a bad value it shows the last
 * good one (M5), and never a value that the key did not have.
 */
export function checkSteps({ name, claims, steps, shown, epochs, possible }: StepsToCheck): Violation[] {
  const violations: Violation[] = [];
  let first = 0;
  for (const { bookmark, cause, changes } of steps) {
    const formerly = new Map(shown);
    for (const { key, entry } of changes) {
      if (entry === undefined) shown.delete(key);
      else shown.set(key, entry);
    }
    // The servers had forgotten it before it could be learnt.
    if (possible.some((epoch) => epoch.isForgotten(bookmark.revision))) continue;
    const candidates = possible.slice(first).filter(({ from }) => from <= bookmark.revision || possible.length === 1);
    const problems = candidates.map((epoch) => ({
      epoch,
      problem: difference(shown, { epoch, revision: bookmark.revision, claims, formerly, epochs }),
    }));
    const match = problems.find(({ problem }) => problem === undefined);
    // Once a newer history was shown, no older one may follow.
    if (match !== undefined) first = possible.indexOf(match.epoch);
    else if (violations.length < MOST_VIOLATIONS) {
      const what = problems.at(-1)?.problem ?? 'is of no history';
      violations.push({ guarantee: 'equal', message: `${name}, after a ${cause} to ${bookmark.revision}: ${what}` });
    }
  }
  return violations;
}

interface StateToCompare {
  readonly epoch: Epoch;
  readonly revision: number;
  readonly claims: (key: string) => boolean;
  readonly formerly: ReadonlyMap<string, Shown>;
  readonly epochs: readonly Epoch[];
}

function difference(shown: ReadonlyMap<string, Shown>, state: StateToCompare): string | undefined {
  const { epoch, revision, claims } = state;
  for (const key of epoch.keys) {
    if (!claims(key)) continue;
    const problem = keyDifference(shown.get(key), key, state);
    if (problem !== undefined) return `${key} ${problem} (it was ${epoch.story(key)})`;
  }
  for (const [key, entry] of shown) {
    if (epoch.at(key, revision) === undefined)
      return `${key} is shown, from ${entry.modRevision}, and is not there (it was ${epoch.story(key)})`;
  }
  return undefined;
}

function keyDifference(entry: Shown | undefined, key: string, state: StateToCompare): string | undefined {
  const { epoch, revision, formerly, epochs } = state;
  const held = epoch.at(key, revision);
  if (held === undefined) return entry === undefined ? undefined : `is shown, from ${entry.modRevision}, and is gone`;
  const text = Buffer.from(held.value).toString();
  if (isGood(text)) {
    if (entry === undefined) return `of ${held.modRevision} is missing`;
    if (entry.modRevision !== held.modRevision || entry.createRevision !== held.createRevision)
      return `is shown as of ${entry.modRevision}, and is of ${held.modRevision}`;
    return goodText(entry.value) === text ? undefined : `is shown as ${goodText(entry.value)}, and is ${text}`;
  }
  if (entry === undefined) {
    const before = formerly.get(key);
    const wasKept =
      before?.createRevision !== held.createRevision || !epoch.held(key, before.modRevision, goodText(before.value));
    return wasKept
      ? undefined
      : `has a bad value of ${held.modRevision}; the last good one, of ${before.modRevision}, was dropped`;
  }
  // Nobody knows of what etcd v2 forgot before the truth had read it.
  const mayBe = (each: Epoch) =>
    each.held(key, entry.modRevision, goodText(entry.value)) || each.isForgotten(entry.modRevision);
  if (epochs.some(mayBe)) return undefined;
  return `has a bad value, and ${goodText(entry.value)} is shown as of ${entry.modRevision}, which it never was`;
}
