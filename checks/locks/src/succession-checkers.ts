import type { Token } from '@holdfast/coordination';
import type { Reign, Succession } from './succession.js';

/** What an observer was told: who leads; `undefined`: nobody. */
export type Told = { readonly token: Token; readonly value: string; readonly gap: boolean } | undefined;

/** Somebody was told that it holds a lock, or leads. */
export interface Acquisition {
  readonly who: string;
  readonly token: Token;
}

/** No phantom: everybody who was told that it holds or leads has really been the first of the queue. `successions`: one for each history. */
export function noPhantom(successions: readonly Succession[], acquisitions: readonly Acquisition[]): readonly string[] {
  return acquisitions
    .filter(({ token }) => !successions.some((succession) => succession.hadHolder(token)))
    .map(
      ({ who, token }) => `${who} was told that it holds ${nameOf(successions)} by ${token.revision}, and never did`,
    );
}

/**
 * An observer was told every leader in order, none twice and none invented, unless it was told of a gap.
 *
 * @param successions what really happened, one for each history, in their order
 * @param isCaughtUp whether the observer had the time to learn who leads at last
 */
export function observed(
  successions: readonly Succession[],
  told: readonly Told[],
  isCaughtUp: boolean,
): readonly string[] {
  const reigns = successions.flatMap(({ identity, reigns: own }, history) =>
    own.map((reign) => ({ ...reign, identity, history })),
  );
  const wrong: string[] = [];
  /** Where in what happened the observer may be: two reigns may look alike. */
  let places: readonly number[] | undefined;
  for (const [index, each] of told.entries()) {
    const isFree = places === undefined || mayBeAfterGap(told, index);
    const from = places === undefined ? 0 : Math.min(...places) + (isFree ? 0 : 1);
    const reached: number[] = [];
    for (let place = from; place < reigns.length; place += 1) {
      const reign = reigns[place];
      if (reign === undefined || !isTold(reign, each)) continue;
      const isNext = places?.includes(place - 1) === true && reigns[place - 1]?.history === reign.history;
      if (isFree || isNext) reached.push(place);
    }
    if (reached.length === 0) {
      const before = places === undefined ? 'at first' : `after ${said(told[index - 1])}`;
      wrong.push(`an observer of ${nameOf(successions)} was told ${said(each)} ${before}, and that did not happen so`);
      return wrong;
    }
    places = reached.flatMap((place) => [place, ...continuedAt(reigns, place)]);
  }
  if (isCaughtUp && places?.includes(reigns.length - 1) !== true && !isQuietGap(reigns, places)) {
    const last = reigns.at(-1)?.leader;
    wrong.push(
      `an observer of ${nameOf(successions)} was told ${said(told.at(-1))} last; it is ${last === undefined ? 'nobody' : `${last.value} by ${last.createRevision}`}`,
    );
  }
  return wrong;
}

/**
 * Where the same reign goes on in a copy of the store under its old identity, which was made while this leader led: who was told of it already has
 * missed nothing.
 */
function continuedAt(reigns: readonly Placed[], place: number): readonly number[] {
  const [here, next] = [reigns[place], reigns[place + 1]];
  if (here === undefined || next === undefined || next.history === here.history) return [];
  const isSame =
    next.identity === here.identity &&
    next.leader?.createRevision === here.leader?.createRevision &&
    next.leader?.value === here.leader?.value;
  return isSame ? [place + 1, ...continuedAt(reigns, place + 1)] : [];
}

type Placed = Reign & { readonly identity: string; readonly history: number };

function isTold({ leader, identity }: Placed, told: Told): boolean {
  if (leader === undefined || told === undefined) return leader === told;
  const { token, value } = told;
  return leader.createRevision === token.revision && leader.value === value && identity === token.identity;
}

/** After a gap in which the last leader went, "nobody" is told without a mark, and the next leader has it. */
function mayBeAfterGap(told: readonly Told[], index: number): boolean {
  const each = told[index];
  if (each !== undefined) return each.gap;
  const next = told.slice(index + 1).find((later) => later !== undefined);
  return next === undefined || next.gap;
}

/** Nobody led before a gap, and nobody leads after it: there is nothing to tell. */
function isQuietGap(reigns: readonly Placed[], places: readonly number[] | undefined): boolean {
  return reigns.at(-1)?.leader === undefined && places?.some((place) => reigns[place]?.leader === undefined) === true;
}

function nameOf(successions: readonly Succession[]): string {
  return successions[0]?.name ?? 'a name';
}

function said(told: Told): string {
  if (told === undefined) return 'nobody';
  return `${told.value} by ${told.token.revision}${told.gap ? ' (after a gap)' : ''}`;
}
