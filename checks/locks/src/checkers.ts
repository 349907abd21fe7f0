import type { Happening, History } from './history.js';

/** What a run must not show. Each checker says what was wrong, or nothing. */
export type Checker = (history: History) => readonly string[];

/** The resource has taken no write with an older token after one with a newer token. */
export const fenced: Checker = ({ happenings }) => {
  let highest = 0;
  const wrong: string[] = [];
  for (const happening of happenings) {
    if (happening.what !== 'write' || !happening.taken) continue;
    if (happening.token.revision < highest)
      wrong.push(`${happening.who} wrote with ${happening.token.revision} after ${highest}`);
    highest = Math.max(highest, happening.token.revision);
  }
  return wrong;
};

/** Nobody has tried to write after somebody else held the lock: a holder that checks is told in time, and the token need not stop it. */
export const exclusive: Checker = ({ happenings }) => {
  let holder: string | undefined;
  const wrong: string[] = [];
  for (const happening of happenings) {
    if (happening.what === 'acquired') holder = happening.who;
    if (happening.what === 'write' && happening.who !== holder)
      wrong.push(`${happening.who} wrote while ${holder ?? 'nobody'} held the lock`);
  }
  return wrong;
};

/** Each holder has released the lock, or was told that it lost it, before the next one held it. */
export const toldInTime: Checker = ({ happenings }) => {
  let holder: string | undefined;
  const wrong: string[] = [];
  for (const { what, who } of happenings) {
    if (what === 'acquired') {
      if (holder !== undefined) wrong.push(`${who} held the lock before ${holder} was told that it had lost it`);
      holder = who;
    } else if (what !== 'write' && who === holder) {
      holder = undefined;
    }
  }
  return wrong;
};

/** The holders came in the order in which their keys were created: first come, first served. */
export const inOrder: Checker = ({ happenings }) => {
  const acquired = happenings.filter((happening): happening is Happening => happening.what === 'acquired');
  return acquired
    .slice(1)
    .filter(({ token }, n) => token.revision <= (acquired[n]?.token.revision ?? 0))
    .map(({ who, token }) => `${who} was served with ${token.revision}, after a later one`);
};

/** Everybody who waited held the lock at last. */
export const served =
  (names: readonly string[]): Checker =>
  ({ happenings }) =>
    names
      .filter((name) => !happenings.some(({ what, who }) => what === 'acquired' && who === name))
      .map((name) => `${name} never held the lock`);

/** No key is left. */
export const nothingLeft: Checker = ({ left }) => left.map((key) => `${key} was left`);
