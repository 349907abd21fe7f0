import {
  exclusive,
  fenced,
  inOrder,
  noPhantom,
  Resource,
  toldInTime,
  type Acquisition,
  type Succession,
} from '@holdfast/locks/judging';
import type { Violation } from '@holdfast/testkit';
import type { Epoch } from '../epoch.js';
import type { Names } from './ground.js';
import type { Observer } from './observer.js';
import { isKnown, successionsOf } from './successions.js';
import type { Grip, Moment, Tape } from './tape.js';

export interface Evidence {
  readonly names: Names;
  readonly tape: Tape;
  readonly observers: readonly Observer[];
  /** All histories since the coordinators began, the first of them from a revision on. */
  readonly epochs: readonly [Epoch, ...Epoch[]];
  readonly after: number;
}

export interface Verdict {
  readonly violations: readonly Violation[];
  /** Those who were told late that the server had ended their lease long before its time. */
  readonly robbed: number;
  /** Findings that nobody can tell from what a store does that went back under its old identity, or whose history is not known. */
  readonly setAside: number;
}

/** Compares what everybody was told with what really happened. */
export function judge({ names, tape, observers, epochs, after }: Evidence): Verdict {
  const violations: Violation[] = [];
  const all = [...names.locks, names.election];
  const robbed = robbedOf(tape);
  for (const name of all) {
    for (const epoch of epochs) {
      const isHere = ({ grip }: Moment) => grip.name === name && epochOf(grip, epochs) === epoch;
      violations.push(...judgeHolders(name, tape.moments.filter(isHere), robbed));
    }
  }
  const unsure: Violation[] = [];
  for (const name of all) {
    const successions = successionsOf(name, epochs, after);
    const own = tape.grips.filter((grip) => grip.name === name && !isAtUnknownEnd(grip, successions));
    for (const message of noPhantom(successions, own.map(acquisitionOf)))
      unsure.push({ guarantee: 'phantom', message });
    for (const observer of observers)
      if (observer.name === name)
        for (const message of observer.judge(successions)) unsure.push({ guarantee: 'observed', message });
  }
  // Where some of what happened is not known, nobody can say who led.
  if (isKnown(epochs, after)) {
    const isOvertaken = wasOvertaken(epochs);
    for (const violation of unsure) if (violation.guarantee !== 'observed' || !isOvertaken) violations.push(violation);
  }
  const setAside = unsure.filter((violation) => !violations.includes(violation)).length;
  return { violations, robbed: robbed.size, setAside };
}

function judgeHolders(name: string, moments: readonly Moment[], robbed: ReadonlySet<Grip>): Violation[] {
  const told = replay(moments.filter(({ grip }) => !robbed.has(grip)));
  const refused = told.happenings.filter((each) => each.what === 'write' && !each.taken);
  const said = (guarantee: string, messages: readonly string[]) =>
    [...new Set(messages)].map((message) => ({ guarantee, message: `${name}: ${message}` }));
  return [
    ...said('exclusive', [...toldInTime(told), ...exclusive(told)]),
    ...said('order', inOrder(told)),
    // Also those who were robbed write to it.
    ...said('fenced', fenced(replay(moments))),
    ...said(
      'fenced',
      refused.map(({ who, token }) => `${who} was refused with ${token.revision}, of a lock that it held`),
    ),
  ];
}

/** A resource that refuses old tokens, as it would have seen all this. */
function replay(moments: readonly Moment[]): { readonly happenings: Resource['happenings']; readonly left: [] } {
  let now = 0;
  const resource = new Resource(true, () => now);
  for (const { grip, what, at } of moments) {
    now = at;
    if (what === 'write') resource.write(grip.who, grip.held.token);
    else resource.note(what, grip.who, grip.held.token);
  }
  return { happenings: resource.happenings, left: [] };
}

/**
 * Those whose lease the server ended although it had just been renewed, as old versions do after a change of leader: no time tells that. They were told
 * of it later on, and have lost the session.
 */
function robbedOf({ suspicions }: Tape): ReadonlySet<Grip> {
  return new Set(
    suspicions
      .filter(({ grip, isFresh }) => isFresh && grip.end === 'told' && grip.owner.isLost)
      .map(({ grip }) => grip),
  );
}

/** The history in which something was acquired. A copy of a store has the same keys, of the same revisions. */
function epochOf(grip: Grip, epochs: readonly [Epoch, ...Epoch[]]): Epoch {
  const { key, token } = grip.held;
  const possible = epochs.filter(
    (epoch) => epoch.identity === token.identity && epoch.at(key, token.revision)?.createRevision === token.revision,
  );
  return (
    possible.find(({ index }) => index === grip.epoch) ??
    possible.at(-1) ??
    epochs[grip.epoch - epochs[0].index] ??
    epochs[0]
  );
}

/** A history that has ended is known up to a moment before its end: whoever stood in the queue then may have come to its turn. */
function isAtUnknownEnd({ held: { key, token } }: Grip, successions: readonly Succession[]): boolean {
  return successions
    .slice(0, -1)
    .some(
      ({ identity, candidates }) =>
        identity === token.identity &&
        [...candidates].some((each) => each.key === key && each.createRevision === token.revision),
    );
}

/** What observers know may be some revisions behind the head. */
function wasOvertaken(epochs: readonly Epoch[]): boolean {
  return epochs.some((epoch, index) => epochs.slice(index + 1).some(({ identity }) => identity === epoch.identity));
}

function acquisitionOf({ who, held: { token } }: Grip): Acquisition {
  return { who, token };
}
