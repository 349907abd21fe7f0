import type { Entry } from '@holdfast/core';
import type { Bookmark } from '@holdfast/store';
import { badKeys, difference, guaranteeOf, type Shown } from '../truth/content.js';
import { keptIn } from './follower.js';
import type { Layout, OpenedMirror } from '../mirrors/opened-mirror.js';
import type { MirrorKind } from '../plans/plan.js';
import type { Epoch, Truth } from '../truth/truth.js';

/** The history, or the difference and the promise that it breaks. */
export type HistoryMatch =
  | { readonly epoch: Epoch; readonly wrong?: undefined }
  | { readonly epoch?: undefined; readonly wrong: string; readonly guarantee: string };

export interface MatchOptions {
  readonly mirror: OpenedMirror['mirror'];
  readonly kind: MirrorKind;
  readonly layout: Layout;
  readonly truth: Truth;
  /** The entry that the mirror showed before. */
  readonly formerly: (key: string) => Entry<unknown> | undefined;
}

/** Finds the history whose state at the bookmark is shown. */
export function matchHistory(shown: Shown, { identity, revision }: Bookmark, options: MatchOptions): HistoryMatch {
  const { layout, truth, formerly } = options;
  let wrong: string | undefined;
  let guarantee: string | undefined;
  for (const epoch of [...truth.epochs].reverse()) {
    if (epoch.identity !== identity || !epoch.covers(revision)) continue;
    const found = difference(shown, epoch, revision, {
      claims: layout.claims,
      formerly: (key) => keptIn(epoch.index, key, formerly(key), truth),
      epochs: truth.epochs,
      isLazyCopy: false,
    });
    // If only a bad value distinguishes two histories, the problems show which one it is.
    const problem = found ?? problemsDifference(epoch, revision, options);
    if (problem === undefined) return { epoch };
    if (wrong === undefined || (found === undefined && guarantee !== 'problems')) {
      wrong = problem;
      guarantee = found === undefined ? 'problems' : guaranteeOf(found, shown, epoch, layout.claims);
    }
  }
  return { guarantee: guarantee ?? 'equal', wrong: wrong ?? `there is no revision ${revision} of ${identity}` };
}

/** The difference between the mirror's problems and a history's at a revision. */
function problemsDifference(epoch: Epoch, revision: number, options: MatchOptions): string | undefined {
  const { mirror, kind, layout } = options;
  const problems = mirror.problems();
  const listed = new Set(problems.filter(({ key }) => key !== undefined).map((problem) => layout.whole(problem)));
  const bad = badKeys(epoch, revision, layout.claims);
  const unlisted = bad.find((key) => !listed.has(key));
  if (unlisted !== undefined) return `${unlisted} is not listed as a problem`;
  if (listed.size > bad.length) return `${[...listed].join(' ')} are listed as problems; bad are ${bad.join(' ')}`;
  const raw = problems.filter(({ rawKey }) => rawKey !== undefined).length;
  const expected = kind === 'key' ? 0 : epoch.rawCountAt(revision);
  return raw === expected ? undefined : `${raw} unreadable keys are listed, and there are ${expected}`;
}
