import type { Entry } from '@holdfast/core';
import type { Epoch } from './truth.js';
import { isGood } from '../plans/values.js';

/** The content of a mirror, or of a follower's copy: whole key → entry. */
export type Shown = ReadonlyMap<string, Entry<unknown>>;

export interface ContentOptions {
  readonly claims: (key: string) => boolean;
  /** The entry that was shown before, which must be kept if it is of the same history. */
  readonly formerly: (key: string) => Entry<unknown> | undefined;
  /** All histories so far: a last good value may come from an older one. */
  readonly epochs: readonly Epoch[];
  /** Whether it is a follower's copy of a lazy mirror: its entries may be of bad versions, and show the last good value. */
  readonly isLazyCopy: boolean;
}

/** The promise that a difference breaks, if it breaks a specific one. */
export function guaranteeOf(wrong: string, shown: Shown, epoch: Epoch, claims: (key: string) => boolean): string {
  if (isLastGoodLost(wrong)) return 'last-good';
  return isTorn(shown, epoch, claims) ? 'untorn' : 'equal';
}

/** Whether the difference is a bad value that replaced a good one. */
export function isLastGoodLost(wrong: string): boolean {
  return wrong.includes(DROPPED);
}

// The number of past commits that are searched.
const RECENT_COMMITS = 10;
const DROPPED = 'the last good one';

/** Whether a transaction is shown only partly: some of its keys are new, and others old. */
function isTorn(shown: Shown, epoch: Epoch, claims: (key: string) => boolean): boolean {
  return epoch.commits.slice(-RECENT_COMMITS).some(({ keys, revision }) => {
    const applied = keys.filter(claims).map((key) => {
      const after = epoch.at(key, revision);
      const before = epoch.at(key, revision - 1);
      if ([after, before].some((version) => version !== undefined && !isGood(version.text))) return undefined;
      const at = shown.get(key)?.modRevision;
      return after === undefined ? at === undefined || at > revision : at !== undefined && at >= revision;
    });
    return applied.includes(true) && applied.includes(false);
  });
}

/** The difference between the shown content and a history's state at a revision; `undefined` if there is none. */
export function difference(shown: Shown, epoch: Epoch, revision: number, options: ContentOptions): string | undefined {
  for (const key of epoch.keys) {
    if (!options.claims(key)) continue;
    const problem = keyDifference(shown.get(key), key, epoch, revision, options);
    if (problem !== undefined) return `${key} ${problem}`;
  }
  for (const [key, entry] of shown) {
    if (epoch.at(key, revision) === undefined) return `${key} is shown, from ${entry.modRevision}, and is not there`;
  }
  return undefined;
}

function keyDifference(
  entry: Entry<unknown> | undefined,
  key: string,
  epoch: Epoch,
  revision: number,
  { formerly, epochs, isLazyCopy }: ContentOptions,
): string | undefined {
  const version = epoch.at(key, revision);
  if (version === undefined)
    return entry === undefined ? undefined : `is shown, from ${entry.modRevision}, and is gone`;
  if (isGood(version.text)) {
    if (entry === undefined) return `of ${version.modRevision} is missing`;
    if (isLazyCopy && textOf(entry) === version.text) return undefined;
    if (entry.modRevision !== version.modRevision || entry.createRevision !== version.createRevision)
      return `is shown as of ${entry.modRevision}, and is of ${version.modRevision}`;
    const text = textOf(entry);
    return text === version.text ? undefined : `is shown as ${text}, and is ${version.text}`;
  }
  if (entry === undefined) {
    const before = formerly(key);
    if (before === undefined || before.createRevision !== version.createRevision) return undefined;
    return `has a bad value of ${version.modRevision}; ${DROPPED}, of ${before.modRevision}, was dropped`;
  }
  if (isLazyCopy && entry.modRevision === version.modRevision) return undefined;
  if (epochs.some((each) => each.held(key, entry.modRevision, textOf(entry)))) return undefined;
  return `has a bad value, and ${textOf(entry)} is shown as of ${entry.modRevision}, which it never was`;
}

export function textOf(entry: Entry<unknown>): string {
  return JSON.stringify(entry.value);
}

/** The keys whose value at a revision can't be shown. */
export function badKeys(epoch: Epoch, revision: number, claims: (key: string) => boolean): string[] {
  const bad: string[] = [];
  for (const key of epoch.keys) {
    if (!claims(key)) continue;
    const version = epoch.at(key, revision);
    if (version !== undefined && !isGood(version.text)) bad.push(key);
  }
  return bad;
}
